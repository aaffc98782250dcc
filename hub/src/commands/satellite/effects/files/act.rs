//! What is done in a folder, each from its handle alone.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use cap_std::fs::{Dir, File, MetadataExt, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use rustix::fs::OFlags;
use serde_json::{Value, json};

use super::{Failure, Outcome};
use crate::satellite::protocol::CommandStatus;

/// Bytes of a file that are read at once: the hub takes 64 KiB of JSON.
const READ_BYTES: u64 = 32 * 1024;
/// Bytes of JSON in a result.
const JSON_BYTES: usize = 56 * 1024;
/// Entries of a folder that are told.
const ENTRIES: usize = 500;

/// What is in a folder.
pub(super) fn list(root: &Dir, path: &Path) -> Outcome {
    let folder = open_folder(root, path)?;
    let (mut entries, mut bytes, mut is_cut) = (Vec::new(), 0, false);
    for entry in folder.entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry
            .file_name()
            .to_string_lossy()
            .replace(char::is_control, "\u{fffd}");
        // What went away meanwhile is not there.
        let Ok(data) = entry.metadata() else { continue };
        let kind = match data.file_type() {
            kind if kind.is_file() => "file",
            kind if kind.is_dir() => "folder",
            kind if kind.is_symlink() => "link",
            _ => "other",
        };
        let told = json!({"name": name, "kind": kind, "bytes": data.is_file().then_some(data.len())});
        bytes += told.to_string().len() + 1;
        if entries.len() == ENTRIES || bytes > JSON_BYTES {
            is_cut = true;
            break;
        }
        entries.push((name, told));
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    let entries: Vec<Value> = entries.into_iter().map(|(_, told)| told).collect();
    Ok(Some(json!({"entries": entries, "is_cut": is_cut})))
}

/// A part of a file: `text` where it is one, `base64` where not.
pub(super) fn read(root: &Dir, path: &Path, from: u64) -> Outcome {
    let mut file = open_file(root, path)?;
    let bytes = file.metadata().map_err(failed)?.len();
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut part = Vec::new();
    file.take(READ_BYTES).read_to_end(&mut part).map_err(failed)?;
    let end = from.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
    let mut told = json!({"bytes": bytes, "from": from, "end": end, "is_cut": end < bytes});
    match whole_text(&part, end < bytes) {
        Some((text, end_of_text)) => {
            told["end"] = json!(from.saturating_add(end_of_text));
            told["text"] = text.into();
        }
        None => told["base64"] = STANDARD.encode(&part).into(),
    }
    Ok(Some(told))
}

/// The part as a text with its length, where it is one that can be sent. A letter that the end of the part cuts is left for the next.
fn whole_text(part: &[u8], is_cut: bool) -> Option<(&str, u64)> {
    let text = match std::str::from_utf8(part) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&part[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_sendable = !text.contains('\0') && json!(text).to_string().len() <= JSON_BYTES;
    let bytes = u64::try_from(text.len()).ok()?;
    is_sendable.then_some((text, bytes))
}

/// Puts a text in the place of a file, wholly or not at all.
pub(super) fn write(root: &Dir, path: &Path, text: &str) -> Outcome {
    let Some(name) = path.file_name() else {
        return Err(Failure::error("invalid_arguments", "`path` must name a file"));
    };
    let folder = open_folder(root, path.parent().unwrap_or(Path::new("")))?;
    let mode = match folder.symlink_metadata(name) {
        Ok(data) if data.is_file() => Some(data.mode() & 0o777),
        Ok(_) => return Err(not_a_file()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let part = format!(".hub-{}.part", hub_satellite::fresh_client_id());
    let written = write_part(&folder, &part, text, mode).and_then(|()| folder.rename(&part, &folder, name));
    if let Err(error) = written {
        let _ = folder.remove_file(&part);
        return Err(failed(error));
    }
    // The name is on disk, too. The handle of a folder only leads there; it is opened to be synced.
    let kept = folder.open(".").and_then(|folder| folder.sync_all());
    kept.map_err(|error| failed(error).ended(CommandStatus::Unknown))?;
    Ok(Some(json!({"bytes": text.len(), "replaced": mode.is_some()})))
}

fn write_part(folder: &Dir, part: &str, text: &str, mode: Option<u32>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = folder.open_with(part, &options)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(Permissions::from_mode(mode.unwrap_or(0o600)))?;
    file.sync_all()
}

fn open_folder(root: &Dir, path: &Path) -> Result<Dir, Failure> {
    if path.as_os_str().is_empty() {
        root.try_clone().map_err(failed)
    } else {
        root.open_dir(path).map_err(failed)
    }
}

/// Opens a plain file. Anything else could wait for ever, or do something by being opened.
fn open_file(root: &Dir, path: &Path) -> Result<File, Failure> {
    if !root.metadata(path).map_err(failed)?.is_file() {
        return Err(not_a_file());
    }
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.cast_signed());
    let file = root.open_with(path, &options).map_err(failed)?;
    // It may have been put in the place of the one that was looked at.
    if file.metadata().map_err(failed)?.is_file() {
        Ok(file)
    } else {
        Err(not_a_file())
    }
}

fn not_a_file() -> Failure {
    Failure::error("not_a_file", "it is not a plain file")
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn failed(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::error("not_found", "there is no such file or folder"),
        // The system has no number for what cap-std itself refuses.
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            Failure::error("outside_root", "it leads out of the folder")
        }
        ErrorKind::PermissionDenied => Failure::error("forbidden", "this satellite may not do that there"),
        kind => Failure::error("failed", kind.to_string()),
    }
}
