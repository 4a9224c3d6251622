//! A hub's feedback: the address of its container, a page of the container's list, and a blob with a report in each line.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use url::Url;

use super::assert_one_line;
use crate::client::Client;
use crate::push::hub::feedback::blob::{Line, Lines};
use crate::push::hub::feedback::container::read_page;
use crate::push::hub::feedback::report::END;
use crate::push::hub::feedback::{Container, FeedbackError, Unreadable, read_address};

const SIGNATURE: &str = "sv=2021-08-06&sp=rl&sig=cGxhbnRlZC1zaWduYXR1cmU%3D";

static HUB: LazyLock<Url> = LazyLock::new(|| {
    Url::parse("https://contoso.servicebus.windows.net/hub/feedbackcontainer").expect("it is an address")
});
static CONTAINER: LazyLock<Container> = LazyLock::new(|| {
    let address = format!("https://contoso.blob.core.windows.net/feedback?{SIGNATURE}");
    container(&Url::parse(&address).expect("it is an address"))
});

/// The errors of which a handle is dead.
const DEAD: [&str; 4] = ["ExpiredChannel", "BadChannel", "WrongToken", "WrongChannel"];

/// A report that is right, and what it says.
const REPORT: &str = "<?xml version=\"1.0\" encoding=\"utf-16\"?><PnsFeedback><FeedbackTime>2024-05-31T19:46:12Z</FeedbackTime>\
    <NotificationSystemError>BadChannel</NotificationSystemError><PnsHandle>00FCAB</PnsHandle></PnsFeedback>";
const REPORTED: (&str, &str) = ("00fcab", "2024-05-31T19:46:12Z");

/// A line that begins so is longer than any report.
static LONG: [u8; 100 * 1024] = [b'x'; 100 * 1024];

/// What a line says: a handle and when it was dead, or of another error.
type Said = Result<Option<(String, DateTime<Utc>)>, Unreadable>;

/// The input as each of them.
pub fn check(data: &[u8]) {
    check_address(data);
    check_list(data);
    check_blob(data);
}

fn container(address: &Url) -> Container {
    Container::new(Client::without_certificates(), address.clone())
}

/// An address as safe as the hub's own, which is told without what signs it.
fn check_address(data: &[u8]) {
    match read_address(data, &HUB) {
        Ok(address) => {
            assert!(address.scheme() == "https" && address.has_host());
            let (shown, host) = (format!("{:?}", container(&address)), address.host_str().unwrap_or_default());
            assert_eq!(shown.len(), format!("Container {{ host: Some({host:?}), .. }}").len(), "{shown}");
        }
        Err(error) => assert_told(&error, &FeedbackError::NoAddress),
    }
}

/// Names that stand in the list, each of a blob in this container.
fn check_list(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let name = text.trim_end();
    let mut names = vec![name.to_owned()];
    match read_page(data) {
        Ok((blobs, _)) => {
            assert!(blobs.len() <= text.matches("<").count());
            for blob in blobs {
                assert!(!is_plain(&text) || text.contains(&blob.name), "{:?} is not in the list", blob.name);
                names.push(blob.name);
            }
        }
        Err(error) => assert_told(&error, &FeedbackError::Form),
    }
    for name in names {
        let url = CONTAINER.address_of(&name).expect("the container's address has a path");
        let path = url.path().strip_prefix("/feedback").expect("a blob is in the container");
        assert!(path.is_empty() || path.starts_with('/'), "{url}");
        let place = (url.scheme(), url.host_str(), url.port(), url.query(), url.fragment());
        assert_eq!(place, ("https", Some("contoso.blob.core.windows.net"), None, Some(SIGNATURE), None));
    }
}

/// The same lines and reports in whatever pieces it comes, no handle that is not in them, and none hidden by what stands before it.
fn check_blob(data: &[u8]) {
    let lines = lines(data, data.len());
    assert!([1, 7].into_iter().all(|size| self::lines(data, size) == lines), "it depends on the pieces");
    let breaks = data.iter().filter(|byte| **byte == b'\n').count();
    assert!([breaks, breaks + 1].contains(&lines.len()));
    let ends: Vec<u64> = lines.iter().map(|line| line.end).collect();
    assert!(ends.is_sorted_by(|one, next| one < next) && ends.iter().all(|end| *end <= data.len() as u64));
    assert!(!data.ends_with(b"\n") || ends.last() == Some(&(data.len() as u64)), "the last line is whole");
    for (line, number) in lines.iter().zip(0..) {
        let begin = if number == 0 { 0 } else { ends[number - 1] };
        check_line(line, &data[index(begin)..index(line.end)]);
    }
    let whole = [data, b"\n"].concat();
    let mut expected = said(&self::lines(&whole, whole.len()));
    let reported = (REPORTED.0.to_owned(), REPORTED.1.parse().expect("it is a time"));
    expected.push(Ok(Some(reported)));
    let followed = [&whole, REPORT.as_bytes()].concat();
    assert_eq!(said(&self::lines(&followed, 16)), expected, "a report after it was not found");
    // Only where the end of a line looks like that of a report, and one of 16: it takes longer than all the rest.
    if data.trim_ascii_end().ends_with(END.as_bytes()) || data.len().is_multiple_of(16) {
        let last = data.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let long = [&LONG[..], &data[..last], &LONG[..], &data[last..]].concat();
        assert_eq!(self::lines(&long, 10_000), self::lines(&long, long.len()), "it depends on the pieces");
    }
}

fn check_line(line: &Line, bytes: &[u8]) {
    let reports = line.reports();
    let Ok(text) = str::from_utf8(bytes) else { return assert_eq!(reports, [Err(Unreadable)]) };
    let records = text.split_inclusive(END).map(|record| record.trim().trim_start_matches('\u{feff}'));
    let records: Vec<&str> = records.filter(|record| !record.is_empty()).collect();
    assert_eq!(reports.len(), records.len(), "each record is a report or unreadable");
    for (report, record) in reports.iter().zip(records) {
        let Ok(Some(dead)) = report else { continue };
        let handle = dead.handle.expose();
        assert!(!handle.is_empty() && handle.trim() == handle);
        let shown = format!("{report:?}").replace(&format!("{:?}", dead.time), "");
        assert!(handle.len() < 12 || !shown.contains(handle), "Debug shows the handle");
        if is_plain(record) {
            // From any `>` to the next `<`: a text may have a `>`, too.
            let texts =
                || record.split('<').flat_map(|part| part.match_indices('>').map(|(at, _)| part[at + 1..].trim()));
            assert!(texts().any(|text| text.eq_ignore_ascii_case(handle)), "{handle} is not in {record}");
            assert!(texts().any(|text| DEAD.contains(&text)), "no error of a dead handle is in {record}");
        }
    }
}

/// Whether what an element says stands there as it is: without entities, comments, and instructions but the first.
fn is_plain(xml: &str) -> bool {
    let rest = xml.trim_start_matches('\u{feff}').trim_start();
    let rest = rest.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or(rest, |(_, rest)| rest);
    !["&", "<!", "<?", "\r"].iter().any(|other| rest.contains(other))
}

/// The lines of a blob that comes in pieces of so many bytes.
fn lines(blob: &[u8], size: usize) -> Vec<Line> {
    let (mut lines, mut found) = (Lines::from(0), Vec::new());
    for piece in blob.chunks(size.max(1)) {
        lines.add(piece);
        found.extend(std::iter::from_fn(|| lines.next()));
    }
    lines.end();
    found.extend(std::iter::from_fn(|| lines.next()));
    found
}

fn said(lines: &[Line]) -> Vec<Said> {
    let reports = lines.iter().flat_map(Line::reports);
    reports.map(|report| report.map(|report| report.map(|dead| (dead.handle.expose().to_owned(), dead.time)))).collect()
}

fn index(position: u64) -> usize {
    usize::try_from(position).expect("it is within the input")
}

/// An error names the part that is wrong, and nothing that came.
fn assert_told(error: &FeedbackError, expected: &FeedbackError) {
    assert_eq!(error, expected);
    assert_one_line(&error.to_string());
}
