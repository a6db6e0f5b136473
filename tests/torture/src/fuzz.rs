//! Bytes of any kind, for everything that reads bytes.
//!
//! The readers and their oracles are the targets of `kvstore-fuzz`. Here they are run in child processes, since an input
//! may end one: a stack that overflows can't be caught.

use std::ops::Range;
use std::path::PathBuf;

use fastrand::Rng;
use kvstore_fuzz::{Target, Verdict};
use kvstore_tests::TestResult;

use crate::process::Process;
use crate::trial::{Context, Report, Trial};

/// The child that checks inputs.
pub const TASK: &str = "fuzz";

/// The inputs of one child.
const BATCH: u64 = 50_000;

/// Keys.
pub const KEYS: Trial = Trial {
    name: "fuzz-keys",
    promise: "Bytes are read as a key only where they are what that key is written as; they order as the keys do.",
    method: "thirty key types are read from damaged keys and any bytes, kept inputs that reach much among them; no panic, \
             memory in proportion to the input; what was read is written again, and pairs are compared",
    unit: INPUTS,
    short: 40_000,
    long: 200_000_000,
    run: |context| run(context, "keys"),
};

/// Records.
pub const RECORDS: Trial = Trial {
    name: "fuzz-records",
    promise: "Damaged records are errors, or values that can be written and read again; they never panic, exhaust the \
              stack, or take memory out of proportion.",
    method: "records of seventeen types, damaged in their lengths and everywhere else; what was read is written and read \
             again, and every record that was written is read by another implementation of CBOR, ciborium, to an equal \
             value; memory is counted",
    unit: INPUTS,
    short: 20_000,
    long: 200_000_000,
    run: |context| run(context, "records"),
};

/// The catalog.
pub const CATALOG: Trial = Trial {
    name: "fuzz-catalog",
    promise: "A damaged catalog is refused, or the database shows all of its namespaces and entries.",
    method: "databases in memory that hold damaged rows are opened, with each of their stores, and compared with the rows",
    unit: INPUTS,
    short: 4_000,
    long: 20_000_000,
    run: |context| run(context, "catalog"),
};

/// The derives.
pub const DERIVE: Trial = Trial {
    name: "fuzz-derive",
    promise: "The derives never panic: what they are given becomes an `impl`, or errors at its mistakes.",
    method: "the items of the derives' own tests with tokens removed, moved, wrapped, replaced; the output must be items, \
             with an error or with the `impl`",
    unit: INPUTS,
    short: 800,
    long: 3_000_000,
    run: |context| run(context, "derive"),
};

/// The files of a database that kvstore reads itself.
pub const FILES: Trial = Trial {
    name: "fuzz-files",
    promise: "The marker is read only as it was written; reading damaged logs and manifests ends, and finds no more than \
              is there.",
    method: "damaged files, and such with right checksums around damage",
    unit: INPUTS,
    short: 400,
    long: 8_000_000,
    run: |context| run(context, "files"),
};

const INPUTS: &str = "inputs";

/// What was checked so far.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    inputs: u64,
    accepted: u64,
}

impl Counts {
    /// Counts an input; tells how many there are now and then, lest the child be taken for one that hangs.
    fn take(&mut self, verdict: Verdict) {
        self.inputs += 1;
        self.accepted += u64::from(verdict == Verdict::Accepted);
        if self.inputs.is_multiple_of(1000) {
            self.tell();
        }
    }

    fn tell(self) {
        println!("{} {}", self.inputs, self.accepted);
    }
}

fn run(context: &Context, name: &str) -> TestResult<Report> {
    let mut report = Report::default();
    let kept = batch(context, name, 0..0).map_err(|(_, wrong)| wrong)?;
    let mut accepted = 0;
    while context.goes_on(report.rounds) {
        let rounds = report.rounds..report.rounds.saturating_add(BATCH).min(context.rounds());
        let counts = batch(context, name, rounds.clone()).map_err(|(is_alive, wrong)| {
            if is_alive {
                return wrong;
            }
            match deadly(context, name, rounds.clone()) {
                Some(round) => format!("--only fuzz-{name} --rounds 1 --seed {}: {wrong}", context.seed(round)),
                None => format!("--only fuzz-{name} --seed {}, now and then: {wrong}", context.first_seed),
            }
        })?;
        report.rounds += counts.inputs;
        accepted += counts.accepted;
    }
    Ok(report.with(accepted, "accepted").with(kept.inputs, "kept inputs besides"))
}

/// Lets a child check the inputs of some rounds, or, where there are none, the corpus. The error says whether the child
/// lived to tell what is wrong.
fn batch(context: &Context, name: &str, rounds: Range<u64>) -> Result<Counts, (bool, String)> {
    let attempt = || -> TestResult<_> {
        let numbers = [context.first_seed, rounds.start, rounds.end].map(|number| number.to_string());
        let arguments = [name.to_owned()].into_iter().chain(numbers);
        let mut child = Process::start(&mut context.child(TASK, arguments))?;
        let mut counts = Counts::default();
        while let Some(line) = child.next_line()? {
            let (inputs, accepted) = line.split_once(' ').ok_or("a child says something else")?;
            counts = Counts { inputs: inputs.parse()?, accepted: accepted.parse()? };
        }
        Ok((counts, child.wait()?))
    };
    let (counts, (status, complaints)) = attempt().map_err(|error| (true, format!("fuzz-{name}: {error}")))?;
    match status.code() {
        Some(0) => Ok(counts),
        // What the child says last is what is wrong.
        Some(_) => Err((true, complaints.lines().last().unwrap_or_default().replacen("torture: ", "", 1))),
        None => Err((false, format!("{status}: {}", complaints.trim()))),
    }
}

/// Which round ended a child, by halves.
fn deadly(context: &Context, name: &str, mut rounds: Range<u64>) -> Option<u64> {
    while rounds.end - rounds.start > 1 {
        let middle = rounds.start.midpoint(rounds.end);
        let halves = [rounds.start..middle, middle..rounds.end];
        rounds = halves.into_iter().find(|half| batch(context, name, half.clone()).is_err())?;
    }
    Some(rounds.start)
}

/// Checks the inputs of some rounds: the target's name, the first seed, the first round, and the one behind the last.
///
/// # Errors
/// What is wrong, with the seed or the file that finds it again.
pub fn child(arguments: &[String]) -> TestResult {
    let [name, numbers @ ..] = arguments else { return Err("no target".into()) };
    let target = Target::named(name).ok_or("no such target")?;
    let numbers: Vec<u64> = numbers.iter().map(|number| number.parse()).collect::<Result<_, _>>()?;
    let [seed, start, end] = numbers[..] else { return Err("expected a seed, and two rounds".into()) };
    let context = Context::new(PathBuf::new(), end, seed);
    let work = move || check(target, &context, start..end);
    let thread = std::thread::Builder::new().stack_size(target.stack).spawn(work)?;
    thread.join().map_err(|_| "the trial panicked")??.tell();
    Ok(())
}

fn check(target: &Target, context: &Context, rounds: Range<u64>) -> TestResult<Counts> {
    let mut counts = Counts::default();
    let corpus = target.corpus()?;
    if rounds.is_empty() {
        for (path, input) in &corpus {
            counts.take(target.check(input).map_err(|wrong| format!("{}: {wrong}", path.display()))?);
        }
    }
    let corpus: Vec<_> = corpus.into_iter().map(|(_, input)| input).collect();
    for round in rounds {
        let seed = context.seed(round);
        let found = target.check(&target.input(&mut Rng::with_seed(seed), &corpus));
        counts.take(found.map_err(|wrong| format!("--only fuzz-{} --rounds 1 --seed {seed}: {wrong}", target.name))?);
    }
    Ok(counts)
}
