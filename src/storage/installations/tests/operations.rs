//! The changes of the register that are explored, and what there is before them.

use futures_util::TryStreamExt;

use super::*;
use crate::storage::explorer::{Run, SideBySide, Start};
use crate::storage::store::Contents;

/// One change of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Put(Form),
    Delete(&'static str),
    Maintenance,
    /// Of the recipient with this index.
    Forget(usize),
    /// Of this handle as dead, some time after what there is before and sooner than counts against a PUT of now.
    Report(&'static str),
}

/// What is PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form {
    pub id: &'static str,
    pub user: &'static str,
    pub number: Option<&'static str>,
    pub handle: &'static str,
    pub voip: Option<&'static str>,
    /// Seconds from its PUT to its end.
    pub ends_after: Option<i64>,
}

pub use Operation::{Delete, Put};

pub const USERS: [&str; 3] = ["u0", "u1", "u2"];
pub const NUMBER: &str = "15551234567";
pub const G: &str = "handle-g";
pub const H: &str = "handle-h";
pub const K: &str = "handle-k";
pub const V: &str = "handle-v";

/// Two devices of a user or number at most.
pub const LIMITS: Limits = Limits { per_user: 2, per_number: 2, time_to_live: TimeDelta::days(60) };

/// How far the second operation's clock is ahead.
pub const CLOCKS: [TimeDelta; 3] = [TimeDelta::zero(), TimeDelta::milliseconds(1), TimeDelta::minutes(-2)];

pub const fn form(id: &'static str, user: &'static str, handle: &'static str) -> Form {
    Form { id, user, number: None, handle, voip: None, ends_after: None }
}

pub const fn put(id: &'static str, user: &'static str, handle: &'static str) -> Operation {
    Put(form(id, user, handle))
}

pub const fn with_voip(form: Form) -> Form {
    Form { voip: Some(V), ..form }
}

pub const fn with_number(form: Form) -> Form {
    Form { number: Some(NUMBER), ..form }
}

/// What there is before: nothing, one or two devices, a user who has as many as may be, handles for calls, a number.
pub const BEFORE: [&[Operation]; 6] = [
    &[],
    &[put("x", "u0", G)],
    &[put("x", "u0", G), put("y", "u1", H)],
    &[put("x", "u0", G), put("y", "u0", H)],
    &[Put(with_voip(with_number(form("x", "u0", G)))), put("y", "u1", H)],
    &[Put(Form { ends_after: Some(60), ..form("x", "u0", G) }), put("y", "u0", H)],
];

/// Every kind of change: the same again, another handle, another user, another's handle, handles for calls, a number, an
/// end, a third device of a user, a deletion, Maintenance.
pub const OPERATIONS: [Operation; 15] = [
    put("x", "u0", G),
    put("x", "u0", H),
    put("x", "u1", G),
    put("x", "u1", H),
    put("y", "u0", G),
    put("y", "u1", G),
    put("y", "u2", H),
    put("z", "u0", K),
    Put(with_voip(form("x", "u0", K))),
    Put(with_voip(form("y", "u1", G))),
    Put(with_number(form("x", "u1", G))),
    Put(Form { ends_after: Some(60), ..form("y", "u1", G) }),
    Delete("x"),
    Delete("y"),
    Operation::Maintenance,
];

pub fn recipients() -> Vec<Recipient> {
    let users = USERS.map(|user| Recipient::User(UserId::new(user)));
    let number = Recipient::Number(PhoneNumber::from_digits_of(NUMBER).unwrap());
    users.into_iter().chain([number]).collect()
}

/// The moment at which everything happens, unless it happens later.
pub fn noon() -> DateTime<Utc> {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

/// When a handle is reported: more than five minutes after everything before noon, and less after noon.
fn reported() -> DateTime<Utc> {
    noon() + TimeDelta::seconds(290)
}

impl Form {
    pub fn installation(self, now: DateTime<Utc>) -> Installation {
        let number = self.number.and_then(PhoneNumber::from_digits_of);
        Installation {
            phone_numbers: number.into_iter().collect(),
            voip_handle: self.voip.map(DeviceHandle::new),
            expires_at: self.ends_after.map(|seconds| now + TimeDelta::seconds(seconds)),
            ..installation(self.id, self.user, self.handle)
        }
    }

    pub fn has(&self, handle: &str) -> bool {
        self.handle == handle || self.voip == Some(handle)
    }

    pub fn recipients(&self) -> Vec<Recipient> {
        self.installation(noon()).recipients()
    }
}

impl Operation {
    /// Whether this PUT and another change are about different installations, and don't want the same handle.
    pub fn is_apart_from(self, other: Self) -> bool {
        match (self, other) {
            (Put(one), Put(other)) => {
                let handles = [Some(one.handle), one.voip];
                one.id != other.id && !handles.into_iter().flatten().any(|handle| other.has(handle))
            }
            (Put(one), Delete(id)) => one.id != id,
            (Delete(_) | Self::Maintenance | Self::Forget(_) | Self::Report(_), _)
            | (_, Self::Maintenance | Self::Forget(_) | Self::Report(_)) => false,
        }
    }

    pub fn start(self, now: DateTime<Utc>) -> Start<'static> {
        Box::new(move |store| {
            let register = Installations::new(store, LIMITS);
            Box::pin(async move {
                match self {
                    Put(form) => register.put(&form.installation(noon()), now).await.map(drop),
                    Delete(id) => register.delete(id, now).await,
                    Self::Maintenance => look_through(&register, now).await,
                    Self::Report(handle) => {
                        let (scope, reported) = (HubScope { app: None, is_voip: handle == V }, reported());
                        register.remove_dead(&DeviceHandle::new(handle), reported, &scope, now).await.map(drop)
                    }
                    Self::Forget(index) => {
                        let recipient = &recipients()[index];
                        let holdings = register.holdings_of(recipient, |_| {}).await?;
                        register.forget(recipient, &holdings, now, |_| {}).await
                    }
                }
            })
        })
    }
}

/// What Maintenance does about the register, one note after the other: side by side they are too many schedules.
async fn look_through(register: &Installations, now: DateTime<Utc>) -> Result<(), StoreError> {
    for kind in ["pending", "expiring", "installations"] {
        let listed: Vec<_> = register.store.list_until(kind, register.written_until(kind, now)).try_collect().await?;
        for listed in listed {
            match kind {
                "pending" => register.review_pending(&listed, now).await?,
                "expiring" => register.review_expiring(&listed, now).await?,
                _ => register.review_old(&listed, now).await?,
            };
        }
    }
    Ok(())
}

/// Runs one operation by itself, checking every step.
pub fn alone(
    contents: &Contents,
    operation: Operation,
    now: DateTime<Utc>,
    mut check: impl FnMut(&Run<'_>),
) -> Contents {
    let mut run = Run::start(contents, now, vec![operation.start(now)]);
    to_the_end(&mut run, &mut check);
    assert!(matches!(run.ended(0).as_deref(), Some(Ok(()))), "{operation:?}: {:?}", run.ended(0));
    run.contents().clone()
}

pub fn to_the_end<'a>(run: &mut Run<'a>, check: &mut impl FnMut(&Run<'a>)) {
    while let Some((choice, _)) = run.next(SideBySide::First).first().copied() {
        run.take(choice);
        check(run);
    }
}
