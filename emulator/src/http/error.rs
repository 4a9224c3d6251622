//! The errors of the service: the status and the text of each, in one place, so that a text can be corrected when the
//! service's own one becomes known. The checks are in `service` and `resources`.
//!
//! A text marked *seen* was seen in answers of the service (recordings in the tests of the official .NET SDK, its issues,
//! Microsoft Q&A). For the others only the status is documented.

use hyper::StatusCode;

use crate::limits::MAX_BATCH_DEVICES;

/// Why the service refuses a request, in the order of the checks. `Display` is the text of `Detail` without the tracking
/// id.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// 404, seen.
    #[error("No service is hosted at the specified address.")]
    HubNotFound,
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
    /// 401, seen in answers of Service Bus, which has the same front end.
    #[error("ExpiredToken: The token is expired.")]
    ExpiredToken,
    /// 401; the prefix is documented as sub-code 40104.
    #[error("InvalidAudience: Invalid authorization token audience.")]
    InvalidAudience,
    /// 403, seen with an empty body: only the record has this text.
    #[error("the rule has no {0} right")]
    MissingRight(&'static str),
    /// 400.
    #[error("The query parameter 'api-version' is missing or has an unsupported value.")]
    UnsupportedApiVersion,
    /// 405, with the allowed methods.
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
    MissingDeviceHandle,
    /// 400.
    #[error("A template notification cannot be sent directly to a device handle.")]
    DirectTemplate,
    /// 400.
    #[error("The HTTP header 'Content-Type' has an invalid value for this notification: '{0}'.")]
    InvalidContentType(String),
    /// 413.
    #[error("The message size cannot be over 64 KB.")]
    BodyTooLarge,
    /// 400, seen. The dot at its end is the one before the tracking id.
    #[error("The supplied notification payload is invalid")]
    InvalidJson,
    /// 400.
    #[error("A browser notification needs the HTTP headers 'P256DH' and 'Auth'.")]
    MissingBrowserKeys,
    /// 400, the emulator's own: the problems that the service would report later.
    #[error("{0}")]
    Undeliverable(String),

    /// 500, seen.
    #[error("Unknown error has occured.")]
    MissingBoundary,
    /// 400, seen.
    #[error("Could not find a part of the multipart content supplied.")]
    MissingBatchPart,
    /// 400.
    #[error("The part 'devices' must be a JSON array of 1 to {MAX_BATCH_DEVICES} device handles: {0}.")]
    InvalidBatchDevices(String),
    /// 403, seen for batches on the Free tier.
    #[error("This operation is not available for your tier")]
    NotOnTier,
    /// 429, or 403 for the older API versions; both with `Retry-After`.
    #[error("The hub is throttled: it accepts no requests for {seconds} s.")]
    Throttled { seconds: u64, status: StatusCode },

    /// 400.
    #[error("The tag expression is invalid: {0}.")]
    InvalidTagExpression(String),
    /// 400.
    #[error("The body of a template notification must be a JSON object whose members are strings.")]
    InvalidTemplateBody,

    /// 404.
    #[error("There is no telemetry for this notification.")]
    NotificationNotFound,
    /// 404, seen.
    #[error("Installation not found")]
    InstallationNotFound,
    /// 400.
    #[error("The installation is invalid: {0}.")]
    InvalidInstallation(String),
    /// 403: a quota is documented for each tier, the number is the emulator's own.
    #[error("The emulator holds as many installations as it can.")]
    TooManyInstallations,

    /// 404, seen with an empty text: only the record has this one.
    #[error("there is no such registration")]
    RegistrationNotFound,
    /// 400.
    #[error("The registration is invalid: {0}.")]
    InvalidRegistration(String),
    /// 400, seen. The dot at its end is the one before the tracking id.
    #[error("An invalid tag(s) '{0}' was supplied. Valid tag characters are alphanumeric, _, @, -, ., : and #")]
    InvalidTag(String),
    /// 400, seen. The dot at its end is the one before the tracking id.
    #[error("Tags can not start with $")]
    TagStartsWithDollar,
    /// 400, seen.
    #[error("One or more characters in device token is not a hexadecimal digit.")]
    NotHexadecimal,
    /// 412, documented.
    #[error("The value of 'If-Match' is not the ETag of the registration.")]
    OtherVersion,
    /// 400.
    #[error("The query parameter '$filter' is not like DeviceToken eq '00FC': '{0}'.")]
    InvalidFilter(String),
    /// 400.
    #[error("The query parameter '$top' must be a number of 1 or more, not '{0}'.")]
    InvalidTop(String),
    /// 403: a quota is documented for each tier, the number is the emulator's own.
    #[error("The emulator holds as many registrations as it can.")]
    TooManyRegistrations,
}

impl ServiceError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::HubNotFound
            | Self::NotificationNotFound
            | Self::InstallationNotFound
            | Self::RegistrationNotFound => StatusCode::NOT_FOUND,
            Self::MissingToken
            | Self::MalformedToken
            | Self::InvalidSignature
            | Self::ExpiredToken
            | Self::InvalidAudience => StatusCode::UNAUTHORIZED,
            Self::MissingRight(_) | Self::NotOnTier | Self::TooManyInstallations | Self::TooManyRegistrations => {
                StatusCode::FORBIDDEN
            }
            Self::OtherVersion => StatusCode::PRECONDITION_FAILED,
            Self::Throttled { status, .. } => *status,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotEmulated(_) => StatusCode::NOT_IMPLEMENTED,
            Self::MissingBoundary => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedApiVersion
            | Self::UnknownFormat(_)
            | Self::MissingDeviceHandle
            | Self::DirectTemplate
            | Self::InvalidContentType(_)
            | Self::InvalidJson
            | Self::MissingBrowserKeys
            | Self::MissingBatchPart
            | Self::InvalidBatchDevices(_)
            | Self::InvalidInstallation(_)
            | Self::InvalidTagExpression(_)
            | Self::InvalidTemplateBody
            | Self::InvalidRegistration(_)
            | Self::InvalidTag(_)
            | Self::TagStartsWithDollar
            | Self::NotHexadecimal
            | Self::InvalidFilter(_)
            | Self::InvalidTop(_)
            | Self::Undeliverable(_) => StatusCode::BAD_REQUEST,
        }
    }
}
