//! What is enabled is what the settings say, and settings that are wrong are refused by file, key and reason.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::settings::{FIRST, write_first};
use super::*;

fn kinds(effects: &Effects) -> Vec<String> {
    effects.capabilities().into_iter().map(|one| one.kind).collect()
}

#[test]
fn nothing_is_enabled_that_does_not_stand_there() {
    assert_eq!(kinds(&Effects::default()), [""; 0]);
    assert_eq!(kinds(&enabled("")), [""; 0]);
    assert_eq!(kinds(&enabled(FIRST)), ["display.show", "speaker.say"]);
    let all = r#"
        print = ["display.show", "speaker.say", "echo"]
        shell = { commands = [["true"]] }
        files.notes = { folder = "/usr", may = ["list", "read", "write"] }
    "#;
    let all = enabled(all);
    let expected = [
        "display.show",
        "speaker.say",
        "echo",
        "shell.run",
        "file.list",
        "file.read",
        "file.write",
    ];
    assert_eq!(kinds(&all), expected);
    assert!(
        all.capabilities()
            .iter()
            .all(|one| one.arguments_schema.is_some())
    );
}

#[test]
fn what_is_not_enabled_or_not_known_is_refused_with_a_code_and_a_sentence() {
    let screen = Screen::default();
    let mut console = Console::new(Box::new(screen.out.clone()), Box::new(screen.err.clone()), false);
    let effects = enabled(r#"print = ["echo"]"#);
    for (kind, expected) in [
        ("display.show", "not_enabled"),
        ("shell.run", "not_enabled"),
        ("file.write", "not_enabled"),
        ("door.open", "unsupported"),
    ] {
        assert!(effects.is_quick(kind));
        let result = effects.execute(&command(kind, &json!({"text": "x"})), &mut console);
        assert_eq!(
            (code(&result), result.status),
            (expected, CommandStatus::Unsupported),
            "{kind}"
        );
        console.ended(kind, &result);
    }
    let (out, err) = screen.texts();
    assert_eq!(out, "");
    assert!(
        err.contains("shell.run: shell.run is not enabled on this satellite (not_enabled)"),
        "{err}"
    );
}

/// Settings that are wrong, the key that is named, and the reason.
const WRONG: &[(&str, &str, &str)] = &[
    ("prnt = []", "prnt", "unknown field `prnt`"),
    (
        r#"print = ["door.open"]"#,
        "print[0]",
        "unknown variant `door.open`",
    ),
    (
        "shell = { commands = [[]] }",
        "shell.commands[0]",
        "must have 1 to 64 words",
    ),
    (
        "shell = { commands = [[1]] }",
        "shell.commands[0][0]",
        "must be a text, or { matches",
    ),
    (
        r#"shell = { commands = [["./true"]] }"#,
        "shell.commands[0][0]",
        "plain name or an absolute path",
    ),
    (
        r#"shell = { commands = [["no-such-program"]] }"#,
        "shell.commands[0][0]",
        "is in none of",
    ),
    (
        r#"shell = { commands = [["/etc/passwd"]] }"#,
        "shell.commands[0][0]",
        "is not a program",
    ),
    (
        r#"shell = { commands = [[{ matches = ".*" }]] }"#,
        "shell.commands[0][0]",
        "the program must be a text",
    ),
    (
        r#"shell = { commands = [["true", { matches = "(" }]] }"#,
        "shell.commands[0][1]",
        "is not a pattern",
    ),
    (
        r#"shell = { commands = [["true", { matches = "a)|(b" }]] }"#,
        "shell.commands[0][1]",
        "is not a pattern",
    ),
    (
        r#"shell = { commands = [["true", { matches = "\\pL{1000}{100}" }]] }"#,
        "shell.commands[0][1]",
        "is not a pattern",
    ),
    (
        r#"shell = { commands = [["true", "a\u0000"]] }"#,
        "shell.commands[0][1]",
        "no control characters",
    ),
    (
        "shell = { time_limit_s = 0 }",
        "shell.time_limit_s",
        "must be 1 to 3600",
    ),
    (
        "shell = { time_limit_s = -1 }",
        "shell.time_limit_s",
        "invalid value",
    ),
    (
        r#"shell = { commands = [["true"]], folder = "tmp" }"#,
        "shell.folder",
        "absolute path of a folder",
    ),
    (
        r#"shell = { environment = { "A=B" = "c" } }"#,
        "shell.environment.A=B",
        "must be a name",
    ),
    (
        r#"files.notes = { folder = "notes", may = ["read"] }"#,
        "files.notes.folder",
        "absolute path",
    ),
    (
        r#"files.notes = { folder = "/nowhere", may = ["read"] }"#,
        "files.notes.folder",
        "/nowhere: No such file",
    ),
    (
        r#"files.notes = { folder = "/", may = ["read"] }"#,
        "files.notes.folder",
        "whole machine",
    ),
    (
        r#"files.notes = { folder = "/usr", may = [] }"#,
        "files.notes.may",
        "list, read, write",
    ),
    (
        r#"files.notes = { folder = "/usr", may = ["own"] }"#,
        "files.notes.may[0]",
        "unknown variant `own`",
    ),
    (
        r#"files."../x" = { folder = "/usr", may = ["read"] }"#,
        "files.../x",
        "a name has letters",
    ),
    (
        r#"files.notes = { folder = "/usr", may = ["write"], write_bytes = 0 }"#,
        "files.notes.write_bytes",
        "must be 1 to",
    ),
    ("files.notes = {}", "files.notes", "missing field `folder`"),
    ("print = [", "line 1", "array"),
];

#[test]
fn wrong_settings_are_refused_by_key_and_reason() {
    for (text, key, reason) in WRONG {
        let problem = Settings::parse(text).and_then(Effects::new).unwrap_err();
        let said = SettingsError::of(Path::new("kitchen.toml"), problem).to_string();
        assert!(
            said.starts_with("kitchen.toml: ") && said.contains(key) && said.contains(reason),
            "{text}: {said}"
        );
    }
}

/// Who may write there could enable the rest at the next start.
#[test]
fn a_folder_over_what_decides_about_the_satellite_is_refused() {
    let home = Home::new();
    let (own, program) = (home.0.join("own"), home.0.join("bin/program"));
    for folder in ["own", "bin", "notes"] {
        fs::create_dir(home.0.join(folder)).unwrap();
    }
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(&own, home.0.join("link")).unwrap();
    let refused = |folder: &str, may: &str| {
        let folder = home.0.join(folder);
        let settings = format!(
            "shell = {{ commands = [[{program:?}]] }}\nfiles.all = {{ folder = {folder:?}, may = [{may:?}] }}"
        );
        let effects = Effects::new(Settings::parse(&settings).unwrap()).unwrap();
        // There is no such file yet.
        let refused = |own: &Path| effects.keep_out_of(&[own]).err().map(|problem| problem.0);
        assert_eq!(
            refused(&own.join("new/hall.toml")),
            refused(&own.join("hall.toml"))
        );
        refused(&own.join("hall.toml"))
    };
    let key = Some("files.all.folder".to_owned());
    for folder in [".", "own", "link"] {
        assert_eq!(refused(folder, "read"), key, "{folder}");
    }
    assert_eq!((refused("bin", "write"), refused("bin", "read")), (key, None));
    assert_eq!(refused("notes", "write"), None);
}

#[test]
fn a_program_that_others_can_change_is_refused() {
    let home = Home::new();
    let program = home.0.join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    let refused = |mode: u32, folder_mode: u32| {
        fs::set_permissions(&program, PermissionsExt::from_mode(mode)).unwrap();
        fs::set_permissions(&home.0, PermissionsExt::from_mode(folder_mode)).unwrap();
        let settings = format!("shell = {{ commands = [[{program:?}]] }}");
        Effects::new(Settings::parse(&settings).unwrap())
            .err()
            .map(|problem| problem.1)
    };
    assert_eq!(refused(0o755, 0o755), None);
    for (mode, folder_mode) in [(0o775, 0o755), (0o757, 0o755), (0o755, 0o777)] {
        let said = refused(mode, folder_mode).unwrap();
        assert!(
            said.ends_with("can be changed by others on this machine"),
            "{said}"
        );
    }
    assert!(refused(0o644, 0o755).unwrap().ends_with("is not a program"));
}

#[test]
fn settings_that_others_can_change_are_refused_and_a_persons_own_are_kept() {
    let home = Home::new();
    let path = home.0.join("new/kitchen.toml");
    assert_eq!(Settings::read(&path).unwrap(), None);
    write_first(&path).unwrap();
    assert_eq!(
        Settings::read(&path).unwrap(),
        Some(Settings::parse(FIRST).unwrap())
    );
    fs::write(&path, "print = []").unwrap();
    write_first(&path).unwrap();
    assert_eq!(Settings::read(&path).unwrap(), Some(Settings::default()));
    fs::set_permissions(&path, PermissionsExt::from_mode(0o620)).unwrap();
    let said = Settings::read(&path).unwrap_err().to_string();
    assert!(
        said.contains("(mode 620)") && said.contains("chmod go-w"),
        "{said}"
    );
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    // Who can change the folder can put another file there; in one like /tmp, not.
    let folder = home.0.join("new");
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o770)).unwrap();
    let said = Settings::read(&path).unwrap_err().to_string();
    assert!(said.contains("new can be changed by others"), "{said}");
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o1777)).unwrap();
    assert_eq!(Settings::read(&path).unwrap(), Some(Settings::default()));
    fs::write(&path, "#".repeat(70_000)).unwrap();
    assert!(
        Settings::read(&path)
            .unwrap_err()
            .to_string()
            .contains("at most 65536 bytes")
    );
}
