//! The table of wordings: every refusal, problem and warning, with its text and status. One
//! place, so that a text can be corrected when somebody sees the service's own. No decisions here.
//!
//! Texts that were seen in answers of the service (test recordings of the official .NET SDK, its
//! issues, Microsoft Q&A) are marked *seen*; the others only keep the documented status.

use hyper::StatusCode;

use crate::batch::MAX_DEVICES;
use crate::installations::MAX_TAGS;

/// Why a request is refused, in the order of the checks. `Display` is the text of `Detail` without
/// the tracking id.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// 404, seen.
    #[error("No service is hosted at the specified address.")]
    NoSuchHub,
    /// 401; the prefix is documented as sub-code 40102.
    #[error("MissingToken: Missing authorization token.")]
    MissingToken,
    /// 401, seen.
    #[error(
        "MalformedToken: The credentials contained in the authorization header are not in the \
         WRAP format."
    )]
    MalformedToken,
    /// 401, seen.
    #[error("InvalidSignature: The token has an invalid signature.")]
    InvalidSignature,
    /// 401, seen at Service Bus, whose front end this is.
    #[error("ExpiredToken: The token is expired.")]
    ExpiredToken,
    /// 401; the prefix is documented as sub-code 40104.
    #[error("InvalidAudience: Invalid authorization token audience.")]
    InvalidAudience,
    /// 403, seen with an empty body: this text is for the record alone.
    #[error("the rule has no {0} right")]
    NoRight(&'static str),
    /// 400.
    #[error("The query parameter 'api-version' is missing or has an unsupported value.")]
    UnknownApiVersion,
    /// 405, with the methods that are.
    #[error("The requested HTTP method is not supported on this resource.")]
    MethodNotAllowed(&'static str),
    /// 501, the emulator's own.
    #[error("The emulator does not do this: {0} is not emulated yet.")]
    NotEmulated(&'static str),
    /// 400, seen with the older list of formats.
    #[error(
        "The HTTP header 'ServiceBusNotification-Format' has an invalid value: '{0}'. Allowed \
         values are 'windows', 'apple', 'gcm', 'fcmv1', 'template', 'adm', 'baidu', 'browser', \
         'xiaomi', or 'windowsphone'."
    )]
    UnknownFormat(String),
    /// 400.
    #[error("The HTTP header 'ServiceBusNotification-DeviceHandle' is required for a direct send.")]
    NoDeviceHandle,
    /// 400.
    #[error("A template notification cannot be sent directly to a device handle.")]
    DirectTemplate,
    /// 400.
    #[error("The HTTP header 'Content-Type' has an invalid value for this notification: '{0}'.")]
    WrongContentType(String),
    /// 413.
    #[error("The message size cannot be over 64 KB.")]
    TooLarge,
    /// 400, seen. One dot only, and the tracking id brings it.
    #[error("The supplied notification payload is invalid")]
    NotJson,
    /// 400.
    #[error("A browser notification needs the HTTP headers 'P256DH' and 'Auth'.")]
    NoBrowserKeys,
    /// 400, the emulator's own: what the service would only report later.
    #[error("{}", joined(.0))]
    Content(Vec<Problem>),

    /// 400, seen.
    #[error("Could not find a part of the multipart content supplied.")]
    NoBatchPart,
    /// 400.
    #[error("The part 'devices' must be a JSON array of 1 to {MAX_DEVICES} device handles: {0}.")]
    Devices(HandlesError),
    /// 403, seen for batches on the Free tier.
    #[error("This operation is not available for your tier")]
    NotOnTier,
    /// 429, or 403 for the older API versions; both with `Retry-After`.
    #[error("The hub takes no more requests for {seconds} s.")]
    Throttled { seconds: u64, status: StatusCode },

    /// 404.
    #[error("There is no telemetry for this notification.")]
    NoSuchNotification,
    /// 404, seen.
    #[error("Installation not found")]
    NoSuchInstallation,
    /// 400.
    #[error("The installation is invalid: {0}.")]
    BadInstallation(#[from] InstallationError),
    /// 403: a quota is documented for each tier, the number is the emulator's own.
    #[error("There are as many installations as there may be.")]
    TooManyInstallations,
}

/// What is wrong with the handles of a batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlesError {
    #[error("it is none of strings")]
    NotStrings,
    #[error("it is empty, or a handle is")]
    Empty,
    #[error("it has {0}")]
    TooMany(usize),
}

/// What is wrong with an installation or a patch of one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallationError {
    #[error("it is not a JSON object")]
    NotObject,
    #[error("'installationId' differs from that in the address")]
    OtherId,
    #[error("'{0}' is missing or not of the right type")]
    Member(&'static str),
    #[error("the platform '{0}' does not exist")]
    Platform(String),
    #[error("at most {MAX_TAGS} tags, not {0}")]
    TooManyTags(usize),
    #[error("'{0}' cannot be a tag: 1 to 120 letters, digits and _@#.:-")]
    Tag(String),
    #[error("a patch is a JSON array of objects with 'op', 'path' and 'value'")]
    NotPatch,
    #[error("there is no operation '{0}'")]
    Operation(String),
    #[error("there is nothing to change at '{0}'")]
    Path(String),
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchHub | Self::NoSuchNotification | Self::NoSuchInstallation => StatusCode::NOT_FOUND,
            Self::MissingToken
            | Self::MalformedToken
            | Self::InvalidSignature
            | Self::ExpiredToken
            | Self::InvalidAudience => StatusCode::UNAUTHORIZED,
            Self::NoRight(_) | Self::NotOnTier | Self::TooManyInstallations => StatusCode::FORBIDDEN,
            Self::Throttled { status, .. } => *status,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotEmulated(_) => StatusCode::NOT_IMPLEMENTED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownApiVersion
            | Self::UnknownFormat(_)
            | Self::NoDeviceHandle
            | Self::DirectTemplate
            | Self::WrongContentType(_)
            | Self::NotJson
            | Self::NoBrowserKeys
            | Self::NoBatchPart
            | Self::Devices(_)
            | Self::BadInstallation(_)
            | Self::Content(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// What a scripted status says when the script gives no body. The text of 500 was seen.
pub(crate) fn of_status(status: StatusCode) -> &'static str {
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        return "50002: Provider Internal Error";
    }
    status.canonical_reason().unwrap_or("Scripted fault")
}

fn joined(problems: &[Problem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// What the service accepts with 201 and then fails to deliver. The words are the emulator's own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("payload too large: {size} bytes, and {platform} takes at most 4096")]
    PayloadTooLarge { size: usize, platform: &'static str },
    #[error("the hub has no credentials for {0}")]
    NoCredentials(&'static str),
    #[error("format 'gcm' is dead: Google shut the legacy FCM API down in July 2024; use 'fcmv1'")]
    LegacyFcm,

    #[error("the APNs body is not a JSON object")]
    ApnsNotObject,
    #[error("the APNs body has no object 'aps'")]
    ApnsWithoutAps,
    #[error("apns-priority must be 1, 5 or 10, not '{0}'")]
    ApnsPriority(String),
    #[error("apns-expiration must be a Unix time in whole seconds, not '{0}'")]
    ApnsExpiration(String),
    #[error("apns-push-type '{0}' is not one that APNs knows")]
    ApnsPushType(String),
    #[error("apns-collapse-id must be at most 64 bytes; it has {0}")]
    ApnsCollapseId(usize),
    #[error("a background push needs apns-priority 5")]
    BackgroundPriority,
    #[error("a background push needs \"content-available\": 1 in 'aps'")]
    BackgroundNotAvailable,
    #[error("a background push must not have '{0}' in 'aps'")]
    BackgroundVisible(&'static str),
    #[error("apns-push-type voip needs a hub whose bundle id ends with '.voip'; this one has '{0}'")]
    VoipOnOrdinaryHub(String),
    #[error("a hub whose bundle id ends with '.voip' takes only apns-push-type voip")]
    OrdinaryOnVoipHub,

    #[error("the fcmv1 body has no object 'message'")]
    FcmWithoutMessage,
    #[error("'message.{0}' must not be there: the hub puts the device's token in")]
    FcmTarget(&'static str),
    #[error("FCM does not know 'message.{0}'")]
    FcmUnknownMember(String),
    #[error("FCM does not know 'message.notification.{0}'; platform fields go under 'android'")]
    FcmUnknownNotificationMember(String),
    #[error("'message.{0}' must be an object")]
    FcmNotObject(&'static str),
    #[error("'message.data.{0}' must be a string")]
    FcmDataNotString(String),
    #[error("'message.data.{0}' is a reserved key")]
    FcmReservedKey(String),
    #[error("'message.android.ttl' must be seconds like \"3600s\", not {0}")]
    FcmTtl(String),
    #[error("'message.android.priority' must be \"normal\" or \"high\", not {0}")]
    FcmPriority(String),
}

/// What is accepted by everybody and has no effect, or one that nobody can foresee.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Warning {
    #[error("apns-topic has no effect: the hub always uses the bundle id of its credential")]
    ApnsTopic,
    #[error("'{header}' is not forwarded as far as known; the bare form '{bare}' is")]
    ApnsHeaderForm { header: String, bare: String },
    #[error("whether this hub has credentials for '{0}' is not emulated, nor is its content checked")]
    PlatformNotModelled(&'static str),
    #[error("the part 'devices' is no JSON: single quotes as in the reference's sample are taken, real JSON is safer")]
    SingleQuotes,
    #[error("{0} handles stand in the batch more than once and are skipped")]
    Duplicates(usize),
}
