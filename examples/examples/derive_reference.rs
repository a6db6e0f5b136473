//! The code of the book's derive reference: one anchor an attribute, with what the text says about it put to the test.

use kvstore::{Database, Error};

mod keys {
    use super::{Database, Error};

    // ANCHOR: key_type
    use std::collections::BTreeSet;

    use kvstore::Store;

    /// A page; one entry per path. The path lives beside the value.
    #[derive(Store)]
    #[store(key = String)]
    struct Page {
        title: String,            // required
        links: BTreeSet<String>,  // a collection: starts empty
        moved_to: Option<String>, // starts `None`
    }
    // ANCHOR_END: key_type

    // ANCHOR: key_field
    /// A user; the number is the key, and a field too.
    #[derive(Store)]
    struct User {
        #[store(key)]
        id: u64,
        name: String,
    }
    // ANCHOR_END: key_field

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        // ANCHOR: key_type_use
        let pages: PageStore = db.store::<Page>()?;
        let page: PageGuard = pages.create("/a", PageInit { title: "A".into() })?;
        assert!(page.links.is_empty() && page.moved_to.is_none());
        page.commit()?;
        // ANCHOR_END: key_type_use
        assert!(pages.get("/a")?.is_some_and(|page| page.title == "A"));

        // ANCHOR: key_field_use
        let users = db.store::<User>()?;
        let mut user = users.create(7, UserInit { name: "Ada".into() })?; // no `id` here: it is the key
        assert_eq!(user.id, 7);
        user.id = 8;
        assert!(matches!(user.commit(), Err(Error::KeyChanged { .. })));
        // ANCHOR_END: key_field_use
        users.insert(7, User { id: 7, name: "Ada".into() })?;
        assert!(users.get(7)?.is_some_and(|user| user.id == 7 && user.name == "Ada"));
        Ok(())
    }
}

mod names {
    use super::Database;

    // ANCHOR: namespace_version
    use kvstore::Store;

    /// Stored as `pending_work`, whatever the struct is called.
    #[derive(Store)]
    #[store(key = u64, namespace = "pending_work", version = 1)]
    struct Work {
        path: String,
    }
    // ANCHOR_END: namespace_version

    // ANCHOR: generated_names
    /// A program with a `TaskStore` of its own gives other names.
    #[derive(Store)]
    #[store(key = u64, init = NewTask, store = Tasks, guard = HeldTask)]
    struct Task {
        title: String,
    }
    // ANCHOR_END: generated_names

    // ANCHOR: init_derive
    #[derive(Store)]
    #[store(key = String, init_derive(Clone, Debug))]
    struct Ticket {
        title: String,
        comments: Vec<String>,
    }
    // ANCHOR_END: init_derive

    // ANCHOR: crate_path
    mod storage {
        pub(crate) use kvstore as engine;
    }

    /// The runtime is reached through the program's own module.
    #[derive(Store)]
    #[store(key = String, crate = "storage::engine")]
    struct Note {
        text: String,
    }
    // ANCHOR_END: crate_path

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        db.store::<Work>()?.create_next(WorkInit { path: "/a".into() })?.commit()?;
        assert!(db.namespaces()?.iter().any(|namespace| namespace.name() == "pending_work"));
        assert!(db.store::<Work>()?.first()?.is_some_and(|(_, work)| work.path == "/a"));

        // ANCHOR: generated_names_use
        let tasks: Tasks = db.store::<Task>()?;
        let task: HeldTask = tasks.create_next(NewTask { title: "write".into() })?;
        task.commit()?;
        // ANCHOR_END: generated_names_use
        assert!(tasks.first()?.is_some_and(|(_, task)| task.title == "write"));

        // ANCHOR: init_derive_use
        let init = TicketInit { title: "broken".into() };
        let tickets = db.store::<Ticket>()?;
        tickets.insert("a", init.clone())?;
        assert_eq!(tickets.get("a")?.map(|ticket| ticket.title), Some(Ticket::from(init).title));
        // ANCHOR_END: init_derive_use
        assert!(tickets.get("a")?.is_some_and(|ticket| ticket.comments.is_empty()));

        let notes = db.store::<Note>()?;
        notes.insert("a", NoteInit { text: "kept".into() })?;
        assert!(notes.get("a")?.is_some_and(|note| note.text == "kept"));
        Ok(())
    }
}

mod fields {
    use super::Database;

    // ANCHOR: default
    use kvstore::Store;

    #[derive(Store)]
    #[store(key = String)]
    struct Download {
        #[store(default)] // `bool::default()`
        paused: bool,
        #[store(default = 3)]
        retries: u8,
        #[store(default = Self::LIMIT / 2)]
        bytes_per_second: u64,
    }

    impl Download {
        const LIMIT: u64 = 1 << 20;
    }
    // ANCHOR_END: default

    // ANCHOR: with
    use std::time::Duration;

    #[derive(Store)]
    #[store(key = u64)]
    struct Measurement {
        #[store(with = "millis")]
        took: Duration,
    }

    /// A duration as a whole number of milliseconds.
    mod millis {
        use std::time::Duration;

        use serde::ser::Error;
        use serde::{Deserialize, Deserializer, Serializer};

        pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u64(u64::try_from(duration.as_millis()).map_err(S::Error::custom)?)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
            u64::deserialize(deserializer).map(Duration::from_millis)
        }
    }
    // ANCHOR_END: with

    // ANCHOR: skip
    use std::time::Instant;

    #[derive(Store)]
    #[store(key = String)]
    struct Session {
        user: String,
        #[store(skip)]
        last_seen: Option<Instant>, // not serializable, and of no meaning in another process
        #[store(skip, default = 10)]
        requests_left: u32,
    }
    // ANCHOR_END: skip

    // ANCHOR: type_name
    /// The size was a `u32`, until the files grew.
    #[derive(Store)]
    #[store(key = String)]
    struct File {
        #[store(type = "u32")]
        size: u64,
    }
    // ANCHOR_END: type_name

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        // ANCHOR: default_use
        let downloads = db.store::<Download>()?;
        let download = downloads.create("/a", DownloadInit::default())?; // nothing is required
        assert!(!download.paused && download.retries == 3 && download.bytes_per_second == 1 << 19);
        // ANCHOR_END: default_use
        download.commit()?;

        let measurements = db.store::<Measurement>()?;
        measurements.insert(1, MeasurementInit { took: Duration::from_micros(2_500) })?;
        assert!(measurements.get(1)?.is_some_and(|measurement| measurement.took == Duration::from_millis(2)));

        // ANCHOR: skip_use
        let sessions = db.store::<Session>()?;
        let mut session = sessions.create("a", SessionInit { user: "Ada".into() })?;
        session.last_seen = Some(Instant::now());
        session.requests_left = 9;
        session.commit()?;
        let session = sessions.get("a")?;
        assert!(session.is_some_and(|s| s.user == "Ada" && s.last_seen.is_none() && s.requests_left == 10));
        // ANCHOR_END: skip_use

        let files = db.store::<File>()?;
        files.insert("/a", FileInit { size: 17 })?;
        assert!(files.get("/a")?.is_some_and(|file| file.size == 17));
        Ok(())
    }
}

mod key_types {
    use super::Database;

    // ANCHOR: derive_key
    use kvstore::{Key, Store};

    /// Never taken for another number.
    #[derive(Key)]
    struct JobId(u64);

    /// Ordered by day, then by room.
    #[derive(Key)]
    struct Slot {
        day: u32,
        room: String,
    }

    /// Ordered as declared: whatever is urgent comes first.
    #[derive(Key)]
    enum Place {
        Urgent,
        Queued { priority: u8, number: u64 },
    }

    #[derive(Store)]
    #[store(key = JobId)]
    struct Job {
        command: String,
    }

    #[derive(Store)]
    #[store(key = Slot)]
    struct Booking {
        by: String,
    }

    #[derive(Store)]
    #[store(key = Place)]
    struct Patient {
        name: String,
    }
    // ANCHOR_END: derive_key

    // ANCHOR: derive_key_crate
    mod storage {
        pub(crate) use kvstore as engine;
    }

    #[derive(Key)]
    #[key(crate = "storage::engine")]
    struct NoteId(u64);
    // ANCHOR_END: derive_key_crate

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        // ANCHOR: derive_key_use
        let jobs = db.store::<Job>()?;
        jobs.insert(JobId(7), JobInit { command: "ls".into() })?;
        jobs.create_next(JobInit { command: "pwd".into() })?.commit()?; // a newtype takes generated keys as its number does

        let bookings = db.store::<Booking>()?;
        for (day, room) in [(1, "red"), (1, "blue"), (2, "red")] {
            bookings.insert(Slot { day, room: room.into() }, BookingInit { by: "Ada".into() })?;
        }
        let first_day = bookings.prefix((1,))?.collect::<kvstore::Result<Vec<_>>>()?;
        assert_eq!(first_day.len(), 2);

        let patients = db.store::<Patient>()?;
        patients.insert(Place::Queued { priority: 1, number: 1 }, PatientInit { name: "Bo".into() })?;
        patients.insert(Place::Urgent, PatientInit { name: "Cy".into() })?;
        assert!(patients.first()?.is_some_and(|(_, patient)| patient.name == "Cy"));
        // ANCHOR_END: derive_key_use
        assert!(jobs.get(JobId(7))?.is_some_and(|job| job.command == "ls"));
        assert!(first_day.iter().all(|(slot, booking)| slot.day == 1 && slot.room != "green" && booking.by == "Ada"));

        let notes = db.map::<NoteId, String>("numbered_notes")?;
        notes.put(NoteId(1), "kept".into())?;
        assert!(notes.get(NoteId(1))?.is_some_and(|text| text == "kept"));
        Ok(())
    }
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    keys::run(&db)?;
    names::run(&db)?;
    fields::run(&db)?;
    key_types::run(&db)?;
    assert!(db.drop_namespace("page")?); // nobody has it any more
    db.close()
}
