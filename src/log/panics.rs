//! What is told of a panic: where it was. Its message may hold what the code could not cope with, such as the text of a message.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};

/// From now on a panic has a line on standard error with its place, and with its message only if that is written in the code.
pub fn tell_panics() {
    panic::set_hook(Box::new(|panic| {
        let trace = Backtrace::capture();
        let mut stderr = io::stderr().lock();
        // Nobody may be left to read it.
        let _ = writeln!(stderr, "ERROR {}", told(panic));
        if trace.status() == BacktraceStatus::Captured {
            let _ = writeln!(stderr, "{trace}");
        }
    }));
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    // A message with values in it is a `String`.
    let message =
        panic.payload().downcast_ref::<&'static str>().map(|message| format!(": {message}")).unwrap_or_default();
    format!("panicked{place}{message}")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;

    /// What is told when a thread of this name panics. The hook is the whole process's.
    fn told_of(name: &str, action: impl FnOnce() + Send + 'static) -> String {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _alone = ONE_AT_A_TIME.lock();
        let heard = Arc::<Mutex<String>>::default();
        let (hears, ours, usual) = (Arc::clone(&heard), name.to_owned(), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() == Some(&ours) {
                hears.lock().unwrap().push_str(&told(panic));
            } else {
                usual(panic);
            }
        }));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(action).unwrap();
        assert!(thread.join().is_err());
        drop(panic::take_hook());
        let heard = heard.lock().unwrap();
        heard.clone()
    }

    #[test]
    fn the_message_of_a_panic_is_not_told_where_it_may_hold_a_text() {
        let text = "Grüße an 15551234567".to_owned();
        // Within a character: Rust's own message quotes the text.
        let told = told_of("sliced", move || drop(text[..3].to_owned()));
        assert!(told.starts_with("panicked at src/log/panics.rs:") && told.lines().count() == 1, "{told}");
        assert!(!told.contains("Gr") && !told.contains("1555"), "{told}");
        let name = "Alice".to_owned();
        let told = told_of("formatted", move || panic!("no such person: {name}"));
        assert!(told.starts_with("panicked at src/log/panics.rs:") && !told.contains("Alice"), "{told}");
        let told = told_of("literal", || panic!("a test asked for it"));
        assert!(told.ends_with(": a test asked for it"), "{told}");
    }
}
