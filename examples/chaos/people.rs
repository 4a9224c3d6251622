//! Who has which device. The devices of the residents stay and must get everything; what the guests' phones do is told in
//! `guests`.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::canaries::Canaries;
use super::fleet::{Fleet, Handler};
use super::{Failure, all, guests};

/// Each has an iPhone, an Android phone, and a number that the Android phone of the next one shows, too.
pub const RESIDENTS: usize = 40;

/// What an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// A user.
    User(usize),
    /// The number of a user.
    Number(usize),
}

/// A device, whatever handle it is reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    IPhone(usize),
    Android(usize),
    /// A guest's phone, by the number of its handle.
    Guest(usize),
}

impl Address {
    /// The residents' devices that must get what is sent there.
    pub fn devices(self) -> Vec<Device> {
        match self {
            Self::User(user) => vec![Device::IPhone(user), Device::Android(user)],
            Self::Number(user) => {
                vec![Device::IPhone(user), Device::Android(user), Device::Android((user + 1) % RESIDENTS)]
            }
        }
    }
}

/// What the tokens of all iPhones have in common; before it the kind, after it the number of the phone.
const APNS: &str = "3fc1d6a80e5b97424b9d2c7e81f06a53d8e94c1b7f2a6058e3d19c7";
/// The same of all tokens of FCM.
const FCM: &str = "fcm-canary-token:APA91b";

/// So many handles of guests of each group are looked for whole. What they have in common is looked for in all of them.
const GUESTS_PLANTED: usize = 50;

/// What of people may be in nothing that is written.
pub fn plant(canaries: &mut Canaries) {
    for user in 0..=RESIDENTS {
        canaries.plant(&user_id(user));
        canaries.plant(&number(user));
    }
    let guests = (0..guests::GROUPS).flat_map(|group| (0..GUESTS_PLANTED).map(move |number| guests::id(group, number)));
    let residents = (0..RESIDENTS).flat_map(|user| [Device::IPhone(user), Device::Android(user)]);
    for device in residents.chain(guests.map(Device::Guest)) {
        canaries.plant_handles(&device.installation(0));
    }
    canaries.plant(APNS);
    canaries.plant(FCM);
}

/// The raw id of a user.
pub fn user_id(user: usize) -> String {
    format!("8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000000-0000-0000-0000-{user:012x}")
}

pub fn number(user: usize) -> String {
    format!("1555{user:07}")
}

impl Device {
    /// Whose device handle it is.
    pub fn of_handle(handle: &str) -> Option<Self> {
        if let Some(token) = handle.strip_prefix(FCM) {
            let (kind, number) = token.trim_start_matches('-').split_once('-')?;
            let number = number.parse().ok()?;
            return match kind {
                "android" => Some(Self::Android(number)),
                "guest" => Some(Self::Guest(number)),
                _ => None,
            };
        }
        // The last digits of both handles of an iPhone, for alerts and for calls.
        usize::from_str_radix(handle.get(1..)?.strip_prefix(APNS)?, 16).ok().map(Self::IPhone)
    }

    fn id(self) -> String {
        match self {
            Self::IPhone(user) => format!("iphone-{user}"),
            Self::Android(user) => format!("android-{user}"),
            Self::Guest(guest) => format!("guest-{guest}"),
        }
    }

    pub fn installation(self, owner: usize) -> Value {
        let user = user_id(owner);
        match self {
            Self::IPhone(phone) => json!({"userId": user, "phoneNumbers": [number(phone)], "platform": "apns",
                "pushChannel": format!("a{APNS}{phone:08x}"), "voipPushChannel": format!("c{APNS}{phone:08x}")}),
            Self::Android(phone) => {
                json!({"userId": user, "platform": "fcmv1", "pushChannel": format!("{FCM}-{}", self.id()),
                "phoneNumbers": [number(phone), number((phone + RESIDENTS - 1) % RESIDENTS)]})
            }
            Self::Guest(_) => {
                json!({"userId": user, "platform": "fcmv1", "pushChannel": format!("{FCM}-{}", self.id())})
            }
        }
    }
}

/// Registers the residents' devices, before anything is killed.
pub async fn settle_in(fleet: &Fleet) -> Result<(), Failure> {
    let mut rng = Rng::with_seed(0);
    let handler = fleet.any(&mut rng).ok_or("no handler is up")?;
    for user in 0..RESIDENTS {
        let puts = [Device::IPhone(user), Device::Android(user)].map(|device| insist(fleet, &handler, device, user));
        all(puts).await?;
    }
    Ok(())
}

/// A store that has just started may take its time, and an app whose registration got 503 tries again.
async fn insist(fleet: &Fleet, handler: &Handler, device: Device, owner: usize) -> Result<(), Failure> {
    const MOST_TRIES: usize = 5;
    let mut status = 0;
    for _ in 0..MOST_TRIES {
        status = put(fleet, handler, device, owner).await?;
        if matches!(status, 200 | 201) {
            return Ok(());
        }
    }
    Err(format!("a registration was answered with {status}, {MOST_TRIES} times").into())
}

/// Residents' apps start, and register what is registered already.
pub async fn start_apps(fleet: Arc<Fleet>, mut rng: Rng) -> Result<(), Failure> {
    loop {
        sleep(Duration::from_millis(rng.u64(50..1000))).await;
        let Some(handler) = fleet.any(&mut rng) else { continue };
        let resident = rng.usize(..RESIDENTS);
        match put(&fleet, &handler, Device::IPhone(resident), resident).await {
            // A broken connection is the trace of a kill; and many may want the same document at once.
            Ok(200 | 201 | 503) | Err(_) => {}
            Ok(status) => return Err(format!("a registration was answered with {status}").into()),
        }
    }
}

async fn put(fleet: &Fleet, handler: &Handler, device: Device, owner: usize) -> Result<u16, Failure> {
    request(fleet, handler, Method::PUT, &device.id(), &device.installation(owner).to_string()).await
}

/// Asks for an installation's change, and says how that was answered.
pub async fn request(fleet: &Fleet, handler: &Handler, method: Method, id: &str, body: &str) -> Result<u16, Failure> {
    let url = format!("{}/api/installations/{id}", handler.address);
    let request = fleet.client().request(method, url).body(body.to_owned()).timeout(Duration::from_secs(30));
    let answer = request.send().await?;
    let status = answer.status();
    // What was done is shown to whoever asked for it.
    if !status.is_success() {
        fleet.searcher().hear(&answer.text().await?);
    }
    Ok(status.as_u16())
}
