//! Where objects are kept: a directory of this machine, or a bucket of S3 and a prefix in it.

use std::{fmt, path::PathBuf};

/// The longest bucket and prefix together, in bytes: it leaves room for our paths in the 1,024 that a key may have.
const MAX_BYTES: usize = 512;

/// A place for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// A bucket.
    Bucket(BucketAddress),
}

/// A bucket, and what all keys in it begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAddress {
    /// Its name.
    pub bucket: String,
    /// Empty, or it ends with a slash.
    pub prefix: String,
}

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be empty, file:///a/directory or s3://bucket/prefix, with a prefix of letters, digits, '.', '_', '-' and '/'"
)]
pub struct PlaceError;

impl Place {
    /// Reads `file:///directory` or `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        if let Some(directory) = text.strip_prefix("file://") {
            let is_absolute = directory.starts_with('/') && !directory.contains('\0');
            return is_absolute
                .then(|| Self::Directory(PathBuf::from(directory)))
                .ok_or(PlaceError);
        }
        let address = text.strip_prefix("s3://").ok_or(PlaceError)?;
        BucketAddress::parse(address).map(Self::Bucket)
    }

    /// The same, where an empty text means a directory.
    pub fn parse_or(text: &str, default: PathBuf) -> Result<Self, PlaceError> {
        if text.is_empty() {
            Ok(Self::Directory(default))
        } else {
            Self::parse(text)
        }
    }
}

impl BucketAddress {
    fn parse(text: &str) -> Result<Self, PlaceError> {
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_well = text.len() <= MAX_BYTES
            && is_bucket(bucket)
            && (prefix.is_empty() || prefix.split('/').all(is_part));
        if !is_well {
            return Err(PlaceError);
        }
        let slash = if prefix.is_empty() { "" } else { "/" };
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: format!("{prefix}{slash}"),
        })
    }

    /// The key of an object.
    #[must_use]
    pub fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl fmt::Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, prefix } = self;
        write!(f, "s3://{bucket}/{prefix}")
    }
}

/// As S3 wants them; the name goes into a URL.
fn is_bucket(name: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    (3..=63).contains(&name.len())
        && name.bytes().all(is_good)
        && !name.starts_with(['.', '-'])
        && !name.ends_with(['.', '-'])
        && !name.contains("..")
}

fn is_part(part: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_written_alike() {
        for (text, bucket, prefix) in [
            ("s3://log", "log", ""),
            ("s3://log/", "log", ""),
            ("s3://my.log-1/home", "my.log-1", "home/"),
            ("s3://log/home/Audit_1/", "log", "home/Audit_1/"),
        ] {
            let Ok(Place::Bucket(address)) = Place::parse(text) else {
                panic!("{text}")
            };
            assert_eq!((&*address.bucket, &*address.prefix), (bucket, prefix));
            assert_eq!(Place::parse(&address.to_string()), Ok(Place::Bucket(address)));
        }
        let directory = Ok(Place::Directory(PathBuf::from("/srv/audit")));
        assert_eq!(Place::parse("file:///srv/audit"), directory);
        assert_eq!(Place::parse_or("", PathBuf::from("/srv/audit")), directory);
    }

    #[test]
    fn what_names_no_place_is_refused() {
        let long = format!("s3://log/{}", "a".repeat(MAX_BYTES));
        for text in [
            "",
            "log",
            "s3://",
            "s3://a",
            "s3:///prefix",
            "s3://Log",
            "s3://a..b",
            "s3://-ab",
            "s3://log/a//b",
            "s3://log/../b",
            "s3://log/a b",
            "s3://log/a?b",
            "s3://user@log/a",
            "file://relative",
            "https://log.example",
            &long,
        ] {
            assert_eq!(Place::parse(text), Err(PlaceError), "{text}");
        }
    }
}
