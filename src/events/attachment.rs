//! What a chat message shows beside words: a picture, a file, a card.

use serde::Deserialize;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// The file's name, if it is known.
    pub name: Option<String>,
}

/// What an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentKind {
    /// A picture.
    Picture,
    /// A moving picture.
    Gif,
    /// A video.
    Video,
    /// A recording.
    Audio,
    /// Any other file.
    File,
    /// A bot's card.
    Card,
    /// A place.
    Location,
}

/// A file of ACS's UI library: `metadata.fileSharingMetadata` has an array of them as text.
#[derive(Debug, Deserialize)]
struct SharedFile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    extension: String,
}

impl Attachment {
    /// An attachment with the name that was given, if any.
    pub fn new(kind: AttachmentKind, name: Option<&str>) -> Self {
        let name = name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        Self { kind, name }
    }

    /// The files of a message's `fileSharingMetadata`; none if it is something else.
    pub fn shared_files(metadata: &str) -> Vec<Self> {
        let files: Vec<SharedFile> = serde_json::from_str(metadata).unwrap_or_default();
        let attachment = |file: SharedFile| {
            let of_name = file.name.rsplit_once('.').map(|(_, extension)| extension.to_owned());
            let extension = if file.extension.is_empty() { of_name.unwrap_or_default() } else { file.extension };
            Self::new(AttachmentKind::of_extension(&extension), Some(&file.name))
        };
        files.into_iter().map(attachment).collect()
    }
}

impl AttachmentKind {
    /// What a template calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Gif => "gif",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
            Self::Card => "card",
            Self::Location => "location",
        }
    }

    fn of_extension(extension: &str) -> Self {
        match extension.trim_start_matches('.').to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" | "png" | "heic" | "webp" | "bmp" | "svg" | "tif" | "tiff" => Self::Picture,
            "gif" => Self::Gif,
            "mp4" | "mov" | "webm" | "avi" | "mkv" => Self::Video,
            "mp3" | "m4a" | "wav" | "ogg" | "aac" | "amr" => Self::Audio,
            _ => Self::File,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_files_are_known_by_their_extensions() {
        let metadata =
            r#"[{"name":"report.pdf","extension":"pdf","url":"https://x"},{"name":"me.JPG"},{"extension":".mp3"},{}]"#;
        let files = Attachment::shared_files(metadata);
        let kinds: Vec<_> = files.iter().map(|file| file.kind.name()).collect();
        assert_eq!(kinds, ["file", "picture", "audio", "file"]);
        assert_eq!(files[0].name.as_deref(), Some("report.pdf"));
        assert_eq!(files[2].name, None);
        for other in ["", "null", "{}", "[1]", "text"] {
            assert!(Attachment::shared_files(other).is_empty(), "{other}");
        }
    }
}
