//! What came out, as tables and a chart.

use super::contend::Shifts;
use super::crew::Shift;
use super::many::{Pass, Passes, WAYS};
use super::shared::{Cost, ONE_COUNTER, PADDED};
use super::{Figures, KEYS_EACH, Plan, cores};
use crate::Result;
use crate::report::{Spread, head, print_table};

/// Thousands a second.
fn rates(shifts: &[Shift]) -> Spread {
    Spread::of(shifts.iter().map(|shift| shift.rate() / 1e3))
}

fn thousands(spread: Spread) -> String {
    format!("{:.0} ({:.0} .. {:.0})", spread.median, spread.low, spread.high)
}

fn by_threads<'a>(plan: &'a Plan, first: &[&str], of: impl Fn(usize) -> String + 'a) -> Vec<String> {
    first.iter().map(ToString::to_string).chain(plan.threads.iter().map(|threads| of(*threads))).collect()
}

fn threads_of(threads: usize) -> String {
    if threads == 1 { "1 thread".into() } else { format!("{threads} threads") }
}

/// Prints all of it.
pub(super) fn print(plan: &Plan, figures: &Figures) -> Result<()> {
    println!("{}\n", head()?);
    println!(
        "{} rounds of {} ms for each side and number of threads, in turns; medians, with quartiles in brackets. Each turn \
         locks a key, adds one to its counter, commits that where there is a database, and releases the key; the sums were \
         checked. Keys are `u64`. kvstore on disk and RocksDB write each commit to the log and sync none (`Buffered`): it \
         survives a killed process, and these two compare with each other. The others keep their counters in memory: \
         `LockableHashMap`, `dashmap` and kvstore in the entry that is locked, the lock table and `LockPool` beside it. A \
         guard of `dashmap` locks the part of the map that its key is in, and who waits for it spins before it sleeps. \
         kvstore and `lockable` serve those who wait for a key in the order in which they came, so that at a hot key nearly \
         each turn is a switch of threads; `dashmap` and RocksDB let others in first, and promise no order.\n",
        plan.rounds,
        plan.duration.as_millis(),
    );
    print_hot(plan, &figures.names, &figures.hot);
    print_disjoint(plan, &figures.names, &figures.disjoint);
    print_many(plan, &figures.names, &figures.many);
    print_costs(plan, &figures.costs);
    Ok(())
}

fn print_hot(plan: &Plan, names: &[&str], hot: &[Shifts]) {
    println!("### One hot key\n\nThousands of turns a second, of all threads together.\n");
    let rows = names.iter().zip(hot).map(|(name, shifts)| {
        [(*name).to_owned()].into_iter().chain(shifts.iter().map(|shifts| thousands(rates(shifts)))).collect()
    });
    print_table(&by_threads(plan, &["side"], threads_of), &rows.collect::<Vec<_>>());
    println!(
        "\nFairness: the turns of the thread that had fewest to those of the thread that had most, and the longest of all \
         turns, from asking for the key to having released it: the median of the rounds, and the worst of them.\n"
    );
    let rows = names.iter().zip(hot).map(|(name, shifts)| {
        let cells = shifts.iter().map(|shifts| {
            let evenness = Spread::of(shifts.iter().map(Shift::evenness));
            let longest = Spread::of(shifts.iter().map(|shift| shift.longest.as_secs_f64() * 1e3));
            format!("{:.2}; {:.1} ms, {:.1} ms", evenness.median, longest.median, longest.most)
        });
        [(*name).to_owned()].into_iter().chain(cells).collect()
    });
    print_table(&by_threads(plan, &["side"], threads_of), &rows.collect::<Vec<_>>());
}

fn print_disjoint(plan: &Plan, names: &[&str], disjoint: &[Shifts]) {
    println!(
        "\n### Disjoint keys\n\nEach thread has {KEYS_EACH} keys of its own. Thousands of turns a second, of all threads \
         together, and that to the rate of {}; there are {} cores.\n",
        plan.threads.first().map_or_else(String::new, |threads| threads_of(*threads)),
        cores(),
    );
    let rows = names.iter().zip(disjoint).map(|(name, shifts)| {
        let alone = shifts.first().map_or(f64::NAN, |shifts| rates(shifts).median);
        let cells = shifts.iter().map(|shifts| {
            let rates = rates(shifts);
            format!("{}, {:.2}", thousands(rates), rates.median / alone)
        });
        [(*name).to_owned()].into_iter().chain(cells).collect()
    });
    print_table(&by_threads(plan, &["side"], threads_of), &rows.collect::<Vec<_>>());
}

fn print_many(plan: &Plan, names: &[&str], many: &[Passes]) {
    println!(
        "\n### {} keys\n\nEach is locked once and changed never; nothing is held at the end (checked, but for RocksDB, \
         which can't be asked through its crate). Nanoseconds of a core for each lock, in the first and the last tenth of \
         the keys; the memory of the process (`VmRSS`, all sides are in it) after the first tenth, and by how much it is \
         more after the last: the median, and the most in {} rounds.\n",
        plan.keys, plan.passes,
    );
    let mut rows = Vec::new();
    for (place, way) in WAYS.iter().enumerate() {
        for (name, passes) in names.iter().zip(many) {
            let passes = passes.get(place).map(Vec::as_slice).unwrap_or_default();
            let way = format!("{}, {} held by each", threads_of(way.threads), way.held);
            let of = |of: fn(&Pass) -> f64| Spread::of(passes.iter().map(of));
            let mut row = vec![way, (*name).to_owned()];
            if passes.is_empty() {
                row.extend(["can't: a thread would wait for itself", "", "", "", ""].map(str::to_owned));
            } else {
                let grown = of(|pass| pass.memory_last - pass.memory_first);
                row.extend([
                    format!("{:.0} ns", of(|pass| pass.first).median),
                    format!("{:.0} ns", of(|pass| pass.last).median),
                    format!("{:.2}", of(|pass| pass.last / pass.first).median),
                    format!("{:.1} MiB", of(|pass| pass.memory_first).median / 1024.0),
                    format!("{:+.0} KiB, {:+.0} KiB", grown.median, grown.most),
                ]);
            }
            rows.push(row);
        }
    }
    let titles = ["way", "side", "first tenth", "last tenth", "ratio", "memory", "growth"].map(str::to_owned);
    print_table(&titles, &rows);
}

fn print_costs(plan: &Plan, costs: &[Cost]) {
    println!(
        "\n### The counters of guards\n\nEach thread locks and releases keys of its own and changes nothing. Nanoseconds of \
         a core for each, with quartiles.\n"
    );
    let rows = costs.iter().map(|cost| {
        let cells = cost.nanos.iter().map(|nanos| {
            let nanos = Spread::of(nanos.iter().copied());
            format!("{:.1} ({:.1} .. {:.1})", nanos.median, nanos.low, nanos.high)
        });
        [cost.name.to_owned()].into_iter().chain(cells).collect()
    });
    print_table(&by_threads(plan, &["what"], threads_of), &rows.collect::<Vec<_>>());
    let nanos = |name| costs.iter().find(|cost: &&Cost| cost.name == name).map(|cost| &cost.nanos);
    if let Some((one, padded)) = nanos(ONE_COUNTER).zip(nanos(PADDED)) {
        let gains = plan.threads.iter().zip(one.iter().zip(padded)).map(|(threads, (one, padded))| {
            let gains = Spread::of(one.iter().zip(padded).map(|(one, padded)| one - padded));
            format!("{:.0} ns with {} ({:.0} .. {:.0})", gains.median, threads_of(*threads), gains.low, gains.high)
        });
        println!("\nWhat padded counters save beside one lock: {}.", gains.collect::<Vec<_>>().join(", "));
    }
}
