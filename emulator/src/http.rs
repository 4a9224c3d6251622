//! HTTP as the service speaks it: the parts of a request to a hub, and the form of the answers. No rule of the service is
//! applied here.

pub(crate) mod dates;
pub(crate) mod response;
pub(crate) mod service_response;

mod address;
mod body;
mod error;
mod request;
mod xml;

pub(crate) use address::{Address, MANAGEMENT, Resource, form_value, path_after, percent_decode, query_value};
pub(crate) use body::Body;
pub(crate) use error::ServiceError;
pub(crate) use request::{DEVICE_HANDLE, FORMAT, HubRequest, TAGS};
pub(crate) use response::{ConnectionAction, Response};
pub(crate) use service_response::ServiceResponses;
pub(crate) use xml::escape_xml;
