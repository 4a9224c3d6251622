//! What one table of a notifications file may say: its keys, and how one entry is laid over another.

use chrono::TimeDelta;

use super::template::Template;
use crate::events::EventType;
use crate::notifications::Urgency;
use crate::notifications::device::{AndroidMode, ContentMode};

/// The keys of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Whether there are pushes at all.
    On,
    /// The alert's title.
    Title,
    /// The alert's body.
    Body,
    /// The key of a title that the app itself has.
    TitleLoc,
    /// Its arguments.
    TitleLocArgs,
    /// The key of a body that the app itself has.
    Loc,
    /// Its arguments.
    LocArgs,
    /// iOS: a sound.
    Sound,
    /// How much it may disturb.
    InterruptionLevel,
    /// iOS: what can be done with it.
    Category,
    /// Android: the channel.
    AndroidChannel,
    /// Android: the channel of what is to be quiet.
    AndroidQuietChannel,
    /// iOS: whether the app may change it before it is shown.
    Mutable,
    /// Android: who shows it, the system or the app.
    Android,
    /// FCM: the name in Google's delivery statistics.
    AnalyticsLabel,
    /// How long it is worth something.
    TimeToLive,
    /// How much it shows.
    Content,
    /// Further members of the payload.
    Data,
}

/// What a table says; `None` for what it leaves to others.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Whether there are pushes at all.
    pub on: Option<bool>,
    /// The title.
    pub title: Option<Template>,
    /// The body.
    pub body: Option<Template>,
    /// The title's key in the app.
    pub title_loc_key: Option<Template>,
    /// Its arguments.
    pub title_loc_args: Option<Vec<Template>>,
    /// The body's key in the app.
    pub loc_key: Option<Template>,
    /// Its arguments.
    pub loc_args: Option<Vec<Template>>,
    /// iOS: a sound; empty for none.
    pub sound: Option<String>,
    /// How much it may disturb.
    pub urgency: Option<Urgency>,
    /// iOS: the category; empty for none.
    pub category: Option<String>,
    /// Android: the channel; empty for the app's default one.
    pub android_channel: Option<String>,
    /// Android: the channel of what is to be quiet; empty for the usual one.
    pub android_quiet_channel: Option<String>,
    /// iOS: whether the app may change it before it is shown.
    pub mutable: Option<bool>,
    /// Android: who shows it.
    pub android: Option<AndroidMode>,
    /// FCM: the name in Google's delivery statistics; empty for none.
    pub analytics_label: Option<String>,
    /// How long it is worth something.
    pub time_to_live: Option<TimeDelta>,
    /// The most that it shows.
    pub content: Option<ContentMode>,
    /// Further members of the payload, by name.
    pub data: Option<Vec<(String, Template)>>,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::On,
        Self::Title,
        Self::Body,
        Self::TitleLoc,
        Self::TitleLocArgs,
        Self::Loc,
        Self::LocArgs,
        Self::Sound,
        Self::InterruptionLevel,
        Self::Category,
        Self::AndroidChannel,
        Self::AndroidQuietChannel,
        Self::Mutable,
        Self::Android,
        Self::AnalyticsLabel,
        Self::TimeToLive,
        Self::Content,
        Self::Data,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Title => "title",
            Self::Body => "body",
            Self::TitleLoc => "title_loc_key",
            Self::TitleLocArgs => "title_loc_args",
            Self::Loc => "loc_key",
            Self::LocArgs => "loc_args",
            Self::Sound => "sound",
            Self::InterruptionLevel => "interruption_level",
            Self::Category => "category",
            Self::AndroidChannel => "android_channel",
            Self::AndroidQuietChannel => "android_quiet_channel",
            Self::Mutable => "mutable",
            Self::Android => "android",
            Self::AnalyticsLabel => "analytics_label",
            Self::TimeToLive => "time_to_live",
            Self::Content => "content",
            Self::Data => "data",
        }
    }

    /// Whether the key can stand in a table of this type. A withdrawal or an update in the background shows nothing.
    pub fn is_for(self, event_type: EventType) -> bool {
        let for_all = matches!(self, Self::On | Self::TimeToLive | Self::Content | Self::Data | Self::AnalyticsLabel);
        for_all
            || match event_type {
                EventType::ChatMessageDeleted
                | EventType::ChatParticipantRemovedFromThreadWithUser
                | EventType::ChatThreadWithUserDeleted
                | EventType::ChatThreadPropertiesUpdatedPerUser => false,
                EventType::SmsReceived
                | EventType::SmsDeliveryReportReceived
                | EventType::ChatMessageReceived
                | EventType::ChatMessageEdited
                | EventType::ChatThreadCreatedWithUser
                | EventType::ChatParticipantAddedToThreadWithUser
                | EventType::IncomingCall => true,
            }
    }

    /// Whether it can differ by language. What is decided before anybody's device is known cannot, nor what is no matter of words.
    pub fn is_for_languages(self) -> bool {
        !matches!(self, Self::On | Self::TimeToLive | Self::Android | Self::AnalyticsLabel)
    }
}

impl Entry {
    /// This entry, completed by what `fallback` says.
    pub fn or(self, fallback: &Self) -> Self {
        Self {
            on: self.on.or(fallback.on),
            title: self.title.or_else(|| fallback.title.clone()),
            body: self.body.or_else(|| fallback.body.clone()),
            title_loc_key: self.title_loc_key.or_else(|| fallback.title_loc_key.clone()),
            title_loc_args: self.title_loc_args.or_else(|| fallback.title_loc_args.clone()),
            loc_key: self.loc_key.or_else(|| fallback.loc_key.clone()),
            loc_args: self.loc_args.or_else(|| fallback.loc_args.clone()),
            sound: self.sound.or_else(|| fallback.sound.clone()),
            urgency: self.urgency.or(fallback.urgency),
            category: self.category.or_else(|| fallback.category.clone()),
            android_channel: self.android_channel.or_else(|| fallback.android_channel.clone()),
            android_quiet_channel: self.android_quiet_channel.or_else(|| fallback.android_quiet_channel.clone()),
            mutable: self.mutable.or(fallback.mutable),
            android: self.android.or(fallback.android),
            analytics_label: self.analytics_label.or_else(|| fallback.analytics_label.clone()),
            time_to_live: self.time_to_live.or(fallback.time_to_live),
            content: self.content.or(fallback.content),
            data: self.data.or_else(|| fallback.data.clone()),
        }
    }
}
