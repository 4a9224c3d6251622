//! What each step of an event's way costs by itself, in time and in allocations. `docs/performance.md` says how to run
//! it and what its figures are good for; `src/benches.rs` is the door to the steps.

mod samples;

use acs_push::benches::{self, AndroidMode, Event, EventGridEvent, PayloadFormat, Signer, Texts};
use chrono::DateTime;
use divan::{AllocProfiler, Bencher, black_box};
use samples::Sample;

/// It counts allocations, and is the system's allocator otherwise.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// From the bytes that the host posts to all that the events in it say.
#[divan::bench(args = [Sample::Chat, Sample::Sms, Sample::Call, Sample::Batch])]
fn invocation(bencher: Bencher<'_, '_>, sample: Sample) {
    let body = sample.invocation();
    bencher.bench(|| {
        benches::each_event(black_box(&body), |envelope| {
            black_box(benches::read(envelope));
        });
    });
}

/// The data of one event, which may say whom it is for, or leave that to the subject.
#[divan::bench(args = [Sample::Chat, Sample::ChatForSubject])]
fn data_and_recipient(bencher: Bencher<'_, '_>, sample: Sample) {
    with_envelope(sample, |envelope| bencher.bench_local(|| benches::read(black_box(envelope))));
}

/// Where the store has the devices of whom an event is for.
#[divan::bench(args = [Sample::Chat, Sample::Sms])]
fn recipient_key(bencher: Bencher<'_, '_>, sample: Sample) {
    with_event(sample, |event, _| bencher.bench_local(|| benches::recipient_key(black_box(event))));
}

/// What a person should see of an event: the templates of its texts, filled in.
#[divan::bench(args = [Sample::Chat, Sample::Sms, Sample::Call])]
fn notification(bencher: Bencher<'_, '_>, sample: Sample) {
    with_event(sample, |event, texts| {
        bencher.bench_local(|| benches::notification(black_box(event), texts, DateTime::UNIX_EPOCH));
    });
}

/// A chat message in a platform's JSON.
#[divan::bench(args = [PayloadFormat::Apns, PayloadFormat::FcmAndroid(AndroidMode::Notification), PayloadFormat::FcmAndroid(AndroidMode::Data), PayloadFormat::FcmIos])]
fn payload(bencher: Bencher<'_, '_>, format: PayloadFormat) {
    payload_of(Sample::Chat, bencher, format);
}

/// The same with a text that has to be cut to 4096 bytes.
#[divan::bench(args = [PayloadFormat::Apns, PayloadFormat::FcmAndroid(AndroidMode::Notification), PayloadFormat::FcmAndroid(AndroidMode::Data), PayloadFormat::FcmIos])]
fn payload_cut(bencher: Bencher<'_, '_>, format: PayloadFormat) {
    payload_of(Sample::LongChat, bencher, format);
}

/// A call for an iPhone.
#[divan::bench]
fn payload_voip(bencher: Bencher<'_, '_>) {
    with_event(Sample::Call, |event, texts| {
        let notification = benches::notification(event, texts, DateTime::UNIX_EPOCH);
        bencher.bench_local(|| benches::voip_payload(black_box(&notification)));
    });
}

/// The authorization of a request, as nearly every request gets it.
#[divan::bench]
fn authorization_cached(bencher: Bencher<'_, '_>) {
    let signer = Signer::new();
    signer.authorization(DateTime::UNIX_EPOCH);
    bencher.bench_local(|| signer.authorization(DateTime::UNIX_EPOCH));
}

/// The authorization signed anew, as once in 48 minutes.
#[divan::bench]
fn authorization_anew(bencher: Bencher<'_, '_>) {
    let signer = Signer::new();
    bencher.bench_local(|| signer.authorization_anew(DateTime::UNIX_EPOCH));
}

fn payload_of(sample: Sample, bencher: Bencher<'_, '_>, format: PayloadFormat) {
    with_event(sample, |event, texts| {
        let notification = benches::notification(event, texts, DateTime::UNIX_EPOCH);
        let length = benches::payload(&notification, format).body.len();
        assert_eq!(length > 4000, sample == Sample::LongChat, "{length} bytes");
        bencher.bench_local(|| benches::payload(black_box(&notification), format));
    });
}

fn with_event(sample: Sample, run: impl FnOnce(&Event<'_>, &Texts)) {
    with_envelope(sample, |envelope| run(&benches::read(envelope), &benches::texts()));
}

fn with_envelope(sample: Sample, run: impl FnOnce(&EventGridEvent<'_>)) {
    let mut run = Some(run);
    benches::each_event(&sample.invocation(), |envelope| (run.take().expect("it is one event"))(envelope));
}
