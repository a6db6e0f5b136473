//! Locks on several entries at once, of any stores of a database, in one global order.

use std::fmt;
use std::panic::Location;

use crate::engine::Wait;
use crate::error::{Error, Result};
use crate::guard::{Entry, Guard};
use crate::key::KeyArg;
use crate::key::hidden::KeyBuf;
use crate::map_store::{MapStore, create_in};
use crate::namespace::Handles;
use crate::store::{Initialize, Store};
use crate::sync::Arc;

/// Locks entries in the order of their database keys under one deadline, and answers in the order given. Two calls never
/// wait for each other.
pub(crate) fn lock_all(keys: Vec<(&Arc<Handles>, KeyBuf)>, taken_at: &'static Location<'static>) -> Result<Vec<Entry>> {
    let Some((first, _)) = keys.first() else { return Ok(Vec::new()) };
    let wait = Wait::shared(first.instance.lock_timeout);
    let mut order: Vec<_> = keys.into_iter().enumerate().collect();
    order.sort_by(|(_, (_, a)), (_, (_, b))| a.cmp(b));
    let mut pairs = order.iter().zip(order.iter().skip(1));
    if let Some(((_, (namespace, key)), _)) = pairs.find(|((_, (_, a)), (_, (_, b)))| a == b) {
        return Err(Error::DuplicateKey { namespace: namespace.name.clone(), key: namespace.render(key) });
    }
    let mut entries = Vec::with_capacity(order.len());
    for (place, (namespace, key)) in order {
        let entry = namespace.lock(key, wait, taken_at).map_err(|failure| namespace.lock_error(failure))?;
        entries.push((place, entry));
    }
    entries.sort_by_key(|(place, _)| *place);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

/// A request for the lock on an entry, if there is one. From [`MapStore::wanted`].
#[must_use = "a request does nothing until it is given to `Database::lock_together`"]
pub struct Wanted<T: Store> {
    store: MapStore<T>,
    /// What is wrong with the key is told when the request is used.
    key: Result<KeyBuf>,
}

/// A request for the lock on an entry, to be created if there is none. From [`MapStore::wanted_or_create`].
#[must_use = "a request does nothing until it is given to `Database::lock_together`"]
pub struct WantedOrCreate<T: Store, I> {
    wanted: Wanted<T>,
    init: I,
}

impl<T: Store> Wanted<T> {
    pub(crate) fn new(store: &MapStore<T>, key: &impl KeyArg<T::Key>) -> Self {
        Self { store: store.clone(), key: store.namespace().key(key) }
    }
}

impl<T: Store, I: Initialize<T>> WantedOrCreate<T, I> {
    pub(crate) fn new(store: &MapStore<T>, key: &impl KeyArg<T::Key>, init: I) -> Self {
        Self { wanted: Wanted::new(store, key), init }
    }
}

impl<T: Store> fmt::Debug for Wanted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").field("store", &self.store).finish_non_exhaustive()
    }
}

impl<T: Store, I> fmt::Debug for WantedOrCreate<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WantedOrCreate").field("store", &self.wanted.store).finish_non_exhaustive()
    }
}

/// A tuple of two to six requests, or a `Vec` of any number of one kind, each from [`MapStore::wanted`] or
/// [`MapStore::wanted_or_create`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not requests for locks",
    label = "expected a tuple of 2 to 6 requests, or a `Vec` of requests",
    note = "make the requests with `store.wanted(key)` and `store.wanted_or_create(key, init)`"
)]
pub trait LockRequests: Requests<<Self as LockRequests>::Guards> {
    /// A tuple or `Vec` with an `Option<Guard<T>>` for each `wanted`, and a `Guard<T>` for each `wanted_or_create`.
    type Guards;
}

/// One request of a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request for a lock",
    label = "expected a request",
    note = "make the requests with `store.wanted(key)` and `store.wanted_or_create(key, init)`"
)]
pub trait LockRequest: Request<<Self as LockRequest>::Guard> {
    /// What the request is answered with.
    type Guard;
}

impl<T: Store> LockRequest for Wanted<T> {
    type Guard = Option<Guard<T>>;
}

impl<T: Store, I: Initialize<T>> LockRequest for WantedOrCreate<T, I> {
    type Guard = Guard<T>;
}

/// How requests are served.
pub(crate) mod hidden {
    use super::{Arc, Entry, Handles, KeyBuf, Location, Result};

    /// One request.
    pub trait Request<G> {
        #[doc(hidden)]
        fn target(&mut self) -> Result<Target>;
        #[doc(hidden)]
        fn answer(self, locked: Locked) -> Result<G>;
    }

    /// All requests of a call.
    pub trait Requests<G> {
        #[doc(hidden)]
        fn lock(self, taken_at: &'static Location<'static>, owner: Owner<'_>) -> Result<G>;
    }

    /// What is to be locked.
    #[derive(Debug)]
    pub struct Target(pub(crate) Arc<Handles>, pub(crate) KeyBuf);

    /// What was locked.
    #[derive(Debug)]
    pub struct Locked(pub(crate) Entry);

    /// The database that was asked.
    #[derive(Debug)]
    pub struct Owner<'a>(pub(crate) &'a Arc<crate::instance::Instance>);
}

use self::hidden::{Locked, Owner, Request, Requests, Target};

impl<T: Store> Request<Option<Guard<T>>> for Wanted<T> {
    fn target(&mut self) -> Result<Target> {
        let key = std::mem::replace(&mut self.key, Ok(KeyBuf::new()))?;
        Ok(Target(Arc::clone(self.store.namespace()), key))
    }

    fn answer(self, Locked(mut entry): Locked) -> Result<Option<Guard<T>>> {
        entry.read::<T>()?.map(|value| entry.into_guard(value)).transpose()
    }
}

impl<T: Store, I: Initialize<T>> Request<Guard<T>> for WantedOrCreate<T, I> {
    fn target(&mut self) -> Result<Target> {
        self.wanted.target()
    }

    fn answer(self, Locked(mut entry): Locked) -> Result<Guard<T>> {
        match entry.read::<T>()? {
            Some(value) => entry.into_guard(value),
            None => create_in(entry, self.init),
        }
    }
}

fn lock_targets(targets: &[Target], owner: &Owner<'_>, taken_at: &'static Location<'static>) -> Result<Vec<Locked>> {
    let foreign = targets.iter().find(|Target(namespace, _)| !Arc::ptr_eq(&namespace.instance, owner.0));
    if let Some(Target(namespace, key)) = foreign {
        return Err(Error::ForeignGuard { namespace: namespace.name.clone(), key: namespace.render(key) });
    }
    let keys = targets.iter().map(|Target(namespace, key)| (namespace, key.clone())).collect();
    Ok(lock_all(keys, taken_at)?.into_iter().map(Locked).collect())
}

impl<R: LockRequest> LockRequests for Vec<R> {
    type Guards = Vec<R::Guard>;
}

impl<R: LockRequest> Requests<Vec<R::Guard>> for Vec<R> {
    fn lock(mut self, taken_at: &'static Location<'static>, owner: Owner<'_>) -> Result<Vec<R::Guard>> {
        let targets = self.iter_mut().map(Request::target).collect::<Result<Vec<_>>>()?;
        let locked = lock_targets(&targets, &owner, taken_at)?;
        self.into_iter().zip(locked).map(|(request, locked)| request.answer(locked)).collect()
    }
}

macro_rules! requests {
    ($($request:ident $index:tt $locked:ident),+) => {
        impl<$($request: LockRequest),+> LockRequests for ($($request,)+) {
            type Guards = ($($request::Guard,)+);
        }

        impl<$($request: LockRequest),+> Requests<($($request::Guard,)+)> for ($($request,)+) {
            fn lock(mut self, taken_at: &'static Location<'static>, owner: Owner<'_>) -> Result<($($request::Guard,)+)> {
                let targets = [$(self.$index.target()?),+];
                // One is locked for each target.
                let locked = lock_targets(&targets, &owner, taken_at)?.try_into();
                let [$($locked),+] = locked.map_err(|_| Error::Closed)?;
                Ok(($(self.$index.answer($locked)?,)+))
            }
        }
    };
}

requests!(A 0 a, B 1 b);
requests!(A 0 a, B 1 b, C 2 c);
requests!(A 0 a, B 1 b, C 2 c, D 3 d);
requests!(A 0 a, B 1 b, C 2 c, D 3 d, E 4 e);
requests!(A 0 a, B 1 b, C 2 c, D 3 d, E 4 e, F 5 f);
