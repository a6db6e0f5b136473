use super::*;

fn plan() -> Plan {
    Plan { threads: vec![1, 3], rounds: 1, duration: Duration::from_millis(10), keys: 1_000, passes: 1 }
}

#[test]
fn every_side_counts_each_turn_and_leaves_no_lock() {
    let (dir, plan) = (tempfile::tempdir().unwrap(), plan());
    let sides = sides(dir.path(), plan.counters()).unwrap();
    for keys in [Keys::Hot, Keys::Disjoint] {
        for (side, shifts) in sides.iter().zip(contend::measure(&sides, &plan, keys).unwrap()) {
            let threads: Vec<_> = shifts.iter().map(|rounds| rounds[0].turns.len()).collect();
            assert_eq!(threads, plan.threads, "{}", side.name());
            assert!(shifts.iter().all(|rounds| rounds[0].total() > 0), "{}", side.name());
        }
    }
    for (side, passes) in sides.iter().zip(many::measure(&sides, &plan).unwrap()) {
        for (way, rounds) in many::WAYS.iter().zip(passes) {
            assert_eq!(rounds.len(), usize::from(way.held == 1 || side.holds_several()), "{}, {way:?}", side.name());
        }
    }
}

#[test]
fn guards_of_all_handles_are_measured() {
    let (dir, plan) = (tempfile::tempdir().unwrap(), plan());
    let memory = Guards::in_memory(plan.counters()).unwrap();
    let disk = Guards::on_disk(dir.path(), plan.counters()).unwrap();
    for cost in shared::measure(&memory, &disk, &plan).unwrap() {
        assert!(cost.nanos.iter().all(|rounds| rounds.len() == 1 && rounds[0] > 0.0), "{}", cost.name);
    }
}
