//! Which versions of a message are news, and what is left of what several processes do.

mod schedules;

use super::*;

#[test]
fn a_version_is_outdone_by_a_later_one_and_by_the_deletion() {
    let version = |version| MessageVersion { deleted: false, version };
    let deletion = |version| MessageVersion { deleted: true, version };
    for (this, handled, outdone) in [
        (version(Some(1)), version(Some(1)), true),
        (version(Some(1)), version(Some(2)), true),
        (version(Some(2)), version(Some(1)), false),
        (version(None), version(Some(1)), false),
        (version(Some(1)), version(None), false),
        (version(Some(9)), deletion(Some(1)), true),
        (version(None), deletion(None), true),
        (deletion(Some(1)), version(Some(9)), false),
        (deletion(Some(1)), deletion(Some(1)), true),
    ] {
        assert_eq!(this.is_superseded_by(handled), outdone, "{this:?} after {handled:?}");
    }
}
