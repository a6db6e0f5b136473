//! The model of power loss itself, faults that it must find, and moments that were fatal once.

use fastrand::Rng;
use kvstore_tests::TestResult;
use kvstore_torture::power::Attack;
use kvstore_torture::power::history::Phase;
use kvstore_torture::power::image::Image;
use kvstore_torture::power::logs::is_log;
use kvstore_torture::power::replay::{Replay, before_syncs_of};
use kvstore_torture::power::run::{Place, Run, Stop};
use kvstore_torture::power::session::{COPIES, DATA, LEDGER, Session, THREADS};
use kvstore_torture::power::trace::Event;
use kvstore_torture::shim::Shim;
use kvstore_torture::trial::{Context, scratch};

const PROGRAM: &str = env!("CARGO_BIN_EXE_torture");
const SEED: u64 = 1;

/// Runs something with all that a run needs.
fn with_run(call: impl FnOnce(&Run<'_>, &mut Rng) -> TestResult) -> TestResult {
    let library = scratch()?;
    let (context, shim) = (Context::new(PROGRAM.into(), 0, SEED), Shim::build(library.path())?);
    let attack = Attack::default();
    call(&Run { context: &context, shim: &shim, attack: &attack, seed: SEED }, &mut Rng::with_seed(SEED))
}

/// The shim sees all that is done to files: a replay of the trace leaves them as they are, byte by byte. Where a call is
/// missing in it, they differ. The trials check this for each of their recordings.
#[test]
fn a_replay_is_what_is_there() -> TestResult {
    with_run(|run, rng| {
        let place = Place::new()?;
        let recording = place.recording();
        for (number, kill) in [(0, 0), (1, 200), (2, 15), (3, 0)] {
            let session = run.session(&place, number, 100, vec![0; THREADS.into()], rng);
            run.record(&recording, &Session { kill, ..session })?;
            let trace = recording.trace()?;
            let (mut whole, mut lacking) = (Replay::from_nothing(), Replay::from_nothing());
            let events = recording.events(&trace)?;
            let last = events.iter().rposition(|event| matches!(event, Event::Write { .. })).ok_or("no write")?;
            for (index, event) in events.into_iter().enumerate() {
                whole.apply(event)?;
                if index != last {
                    lacking.apply(event)?;
                }
            }
            recording.check(&whole.disk)?;
            assert!(recording.check(&lacking.disk).is_err());
            assert!(Image::read(place.root(), LEDGER)?.entries.len() > 10);
        }
        Ok(())
    })
}

/// A process is killed before it synced something, and the next one goes on and loses power: what it was told by names and
/// files that nobody synced must not be more than what it finds then.
#[test]
fn what_a_killed_process_did_not_sync_is_synced_by_the_next() -> TestResult {
    with_run(|run, rng| {
        let place = Place::new()?;
        let recording = place.recording();
        run.record(&recording, &run.session(&place, 0, 20, vec![0; THREADS.into()], rng))?;
        // Those above the database, and the list of tables.
        let kills = before_syncs_of(|path| DATA.starts_with(path) || path.contains("/MANIFEST-"));
        let losses = before_syncs_of(|path| path == DATA);
        let mut struck = 0;
        run.replay(&recording, Replay::from_nothing(), &kills, rng, |replay, rng| {
            run.go_on(replay, Stop::Killed, &Image::default(), &losses, rng, |replay, rng| {
                struck += 1;
                run.judge(&replay.disk.synced(), &replay.history, rng).map(drop)
            })
        })?;
        assert!(struck > 30, "{struck}");
        Ok(())
    })
}

/// A table that is finished while the database is closed does not come into the list of tables half written.
#[test]
fn nothing_is_half_written_in_a_clean_directory() -> TestResult {
    with_run(|run, rng| {
        for _ in 0..8 {
            let place = Place::new()?;
            let recording = place.recording();
            run.record(&recording, &run.session(&place, 0, 5, vec![0; THREADS.into()], rng))?;
            let changes = before_syncs_of(|path| path.contains("/MANIFEST-"));
            run.replay(&recording, Replay::from_nothing(), &changes, rng, |replay, rng| {
                if replay.history.phase != Phase::Closing {
                    return Ok(());
                }
                (0..20).try_for_each(|_| run.judge(&replay.disk.after_power_loss(rng), &replay.history, rng).map(drop))
            })?;
        }
        Ok(())
    })
}

/// The trial must find this, in one recording or another.
fn is_found(attack: Attack, violation: &str) -> TestResult {
    let mut found = Vec::new();
    for seed in 0..40 {
        let context = Context::new(PROGRAM.into(), 40, seed);
        found.extend(kvstore_torture::power::attack(&context, &attack).err().map(|found| found.to_string()));
        if found.last().is_some_and(|found| found.contains(violation)) {
            return Ok(());
        }
    }
    Err(format!("`{violation}` is not in {found:#?}").into())
}

fn without(sync: bool, is_unsynced: fn(&str) -> bool) -> Attack {
    Attack { sync, is_unsynced: Some(is_unsynced), ..Attack::default() }
}

#[test]
fn without_syncs_acknowledged_commits_are_lost() -> TestResult {
    is_found(Attack { sync: true, without_syncs: true, ..Attack::default() }, "must survive")
}

/// The database is lost as a whole, and made anew, where the name of its directory, or of one above, is not synced.
#[test]
fn an_unsynced_directory_above_is_found() -> TestResult {
    is_found(without(true, |path| "some/where".starts_with(path)), "the key 1 is given out")
}

#[test]
fn an_unsynced_directory_is_found() -> TestResult {
    is_found(without(true, |path| path == DATA), "it does not open")
}

#[test]
fn a_marker_that_is_renamed_unsynced_is_found() -> TestResult {
    is_found(without(true, |path| path.ends_with("/KVSTORE.tmp")), "the marker is not one")
}

/// Leases of generated keys are in the log.
#[test]
fn an_unsynced_lease_is_found() -> TestResult {
    is_found(without(false, is_log), "is given out, and")
}

#[test]
fn an_unsynced_table_is_found() -> TestResult {
    is_found(without(false, |path| path.contains(".sst")), "it does not open")
}

#[test]
fn an_unsynced_copy_is_found() -> TestResult {
    is_found(without(false, |path| path.starts_with(COPIES)), "copy n")
}
