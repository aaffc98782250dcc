//! The numbers of a voice or a face, from a file. Nothing of them is ever shown, in what is wrong with them neither.

use std::{
    fs::File,
    io::{self, Read},
};

use crate::{
    commands::{remote::Failure, terminal::one_line},
    error::Error,
    recognition::{Modality, vector::Vector},
};

/// Bytes of a file at most: 512 numbers of all their digits, one a line, take a fiftieth.
const MOST_BYTES: u64 = 1024 * 1024;

/// Reads the numbers, and says what is wrong with them before anybody is asked.
pub(super) fn read(modality: Modality, file: &str) -> Result<Vec<f64>, Failure> {
    let name = match file {
        "-" => "standard input".to_owned(),
        file => one_line(file),
    };
    let text = match file {
        "-" => text(io::stdin().lock()),
        file => File::open(file).and_then(text),
    };
    let text = text.map_err(|source| Failure::System {
        what: format!("cannot read {name}"),
        source,
    })?;
    parse(modality, &text).map_err(|wrong| Failure::Usage(format!("{name} {wrong}")))
}

fn text(from: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from.take(MOST_BYTES + 1).read_to_end(&mut text)?;
    Ok(text)
}

fn parse(modality: Modality, text: &[u8]) -> Result<Vec<f64>, String> {
    let (of, width) = (modality.as_str(), modality.width());
    if text.len() as u64 > MOST_BYTES {
        return Err(format!(
            "has more than {MOST_BYTES} bytes: a {of} is a JSON array of {width} numbers"
        ));
    }
    let read: Result<Vec<f64>, _> = serde_json::from_slice(text);
    // What the reader says of it may quote it.
    let numbers = read.map_err(|error| {
        let (line, column) = (error.line(), error.column().max(1));
        format!("is no JSON array of numbers, at line {line}, column {column}\n  a {of} is {width} of them: [0.12, -0.03, …]")
    })?;
    if numbers.len() != width {
        let count = numbers.len();
        let other = Modality::ALL.into_iter().find(|other| other.width() == count);
        let hint = match other {
            Some(other) => format!("for a {other}: --add {other}", other = other.as_str()),
            None => format!("is it all that the model makes of one {of}, and of nothing else?"),
        };
        return Err(format!("has {count} numbers, and a {of} has {width}\n  {hint}"));
    }
    Vector::read(modality, &numbers).map_err(|error| wrong(&error))?;
    Ok(numbers)
}

/// What the hub would say of it.
fn wrong(error: &Error) -> String {
    let Error::Invalid(errors) = error else {
        return error.to_string();
    };
    let one = |pointer: &str, detail: &str| match pointer.strip_prefix("/vector/").map(str::parse) {
        Some(Ok::<usize, _>(at)) => format!("number {} {detail}", at + 1),
        _ => detail.to_owned(),
    };
    let all: Vec<String> = errors
        .iter()
        .map(|error| one(&error.pointer, &error.detail))
        .collect();
    format!("cannot be used: {}", all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(numbers: &[f64]) -> Vec<u8> {
        serde_json::to_vec(numbers).unwrap()
    }

    fn refused(modality: Modality, text: &[u8]) -> String {
        parse(modality, text).unwrap_err()
    }

    #[test]
    fn as_many_numbers_as_it_takes_are_read() {
        assert_eq!(parse(Modality::Voice, &array(&[0.5; 256])).unwrap().len(), 256);
        assert_eq!(parse(Modality::Face, &array(&[0.5; 512])).unwrap().len(), 512);
        let spaced = format!(" [\n{}0.25\n]\n", "1,\n".repeat(255));
        let read = parse(Modality::Voice, spaced.as_bytes()).unwrap();
        assert_eq!(read[254..], [1.0, 0.25]);
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_of_it_shown() {
        let wrong = refused(Modality::Voice, &array(&[0.5; 512]));
        assert_eq!(
            wrong,
            "has 512 numbers, and a voice has 256\n  for a face: --add face"
        );
        let wrong = refused(Modality::Face, &array(&[0.5; 511]));
        assert!(
            wrong.starts_with("has 511 numbers, and a face has 512\n"),
            "{wrong}"
        );
        for text in [
            &b"[0.123456, \"0.987654\"]"[..],
            b"{\"0.123456\": []}",
            b"0.123456",
            b"",
            b"\xff[0.123456]",
        ] {
            let wrong = refused(Modality::Voice, text);
            assert!(
                wrong.starts_with("is no JSON array of numbers, at line "),
                "{wrong}"
            );
            assert!(!wrong.contains("123456") && !wrong.contains("987654"), "{wrong}");
        }
        let mut numbers = [0.123_456; 256];
        numbers[3] = 1e7;
        let wrong = refused(Modality::Voice, &array(&numbers));
        assert_eq!(
            wrong,
            "cannot be used: number 4 must be a finite number of at most 1000000"
        );
        assert!(refused(Modality::Voice, &array(&[0.0; 256])).ends_with("must not be all zero"));
        let endless = vec![b' '; 1024 * 1024 + 1];
        assert!(refused(Modality::Voice, &endless).starts_with("has more than 1048576 bytes"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let missing = read(Modality::Voice, "/nowhere/me.json").unwrap_err().to_string();
        assert!(missing.starts_with("cannot read /nowhere/me.json: "), "{missing}");
    }
}
