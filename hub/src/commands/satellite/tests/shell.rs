//! `shell.run` against a hub that wants more than was allowed, and against programs that do not want to end.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;
use crate::satellite::protocol::MAX_RESULT_BYTES;

async fn run(commands: &str, argv: &[&str]) -> CommandResult {
    let effects = enabled(&format!("[shell]\ntime_limit_s = 1\ncommands = {commands}"));
    outcome(&effects, "shell.run", json!({"argv": argv})).await
}

fn stdout(result: &CommandResult) -> &str {
    result.result.as_ref().unwrap()["stdout"].as_str().unwrap()
}

/// Waits until a process is gone: who is killed ends a moment later.
async fn is_gone(pid: &str) -> bool {
    for _ in 0..500 {
        if !is_alive(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

/// Whether a process is there and not only waits to be reaped.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn words_reach_the_program_as_they_are_and_no_shell_reads_them() {
    let words = "$(id); `id` | id > /tmp/x && * ~ 'a' \"b\"";
    let result = run(r#"[["echo", { matches = ".+" }]]"#, &["echo", words]).await;
    assert_eq!((code(&result), stdout(&result)), ("ok", &*format!("{words}\n")));
}

#[tokio::test]
async fn what_is_not_like_an_allowed_command_is_not_run() {
    let allowed = r#"[["echo", "on", { matches = "[a-z]+|--loud" }], ["true"]]"#;
    assert_eq!(code(&run(allowed, &["echo", "on", "kitchen"]).await), "ok");
    for argv in [
        &[][..],
        &["echo"],
        &["echo", "on"],
        &["echo", "on", "kitchen", "more"],
        &["echo", "on", "kitchen more"],
        &["echo", "on", "kitchen\nrm"],
        &["echo", "on", "kitchen\n"],
        &["echo", "on", "kitchen\0"],
        &["echo", "on", "Kitchen"],
        &["echo", "on", ""],
        // The pattern takes it, and it would be an option.
        &["echo", "on", "--loud"],
        &["echo", "--", "kitchen"],
        &["./echo", "on", "kitchen"],
        &["/tmp/echo", "on", "kitchen"],
        &["/usr/bin/echo", "on", "kitchen"],
        &["../bin/echo", "on", "kitchen"],
        &["echo on kitchen"],
        &["true", ""],
    ] {
        let result = run(allowed, argv).await;
        assert_eq!(code(&result), "not_allowed", "{argv:?}");
        assert_eq!(result.status, CommandStatus::Error);
    }
    for arguments in [
        json!({}),
        json!({"argv": "true"}),
        json!({"argv": ["true"], "shell": true}),
        json!({"argv": [1]}),
    ] {
        let result = outcome(
            &enabled(r#"shell = { commands = [["true"]] }"#),
            "shell.run",
            arguments,
        )
        .await;
        assert_eq!(code(&result), "invalid_arguments");
    }
}

#[tokio::test]
async fn the_schema_takes_what_would_be_run() {
    let effects =
        enabled(r#"shell = { commands = [["echo", "on", { matches = "[a-z]+|--loud" }], ["true"]] }"#);
    let schema = effects.capabilities()[0].arguments_schema.clone().unwrap();
    let schema = jsonschema::validator_for(&Value::Object(schema)).unwrap();
    for (argv, is_taken) in [
        (json!(["echo", "on", "kitchen"]), true),
        (json!(["true"]), true),
        (json!(["echo", "on", "--loud"]), false),
        (json!(["echo", "on"]), false),
        (json!(["echo", "on", "kitchen", "more"]), false),
        (json!(["sh"]), false),
    ] {
        assert_eq!(schema.is_valid(&json!({"argv": argv})), is_taken, "{argv}");
    }
}

#[tokio::test]
async fn a_program_has_the_environment_of_the_settings_alone_and_nothing_to_read() {
    let settings = r#"
        [shell]
        commands = [["env"], ["pwd"], ["cat"]]
        folder = "/usr"
        environment = { LANG = "C.UTF-8" }
    "#;
    let effects = enabled(settings);
    let run = |argv: Value| outcome(&effects, "shell.run", json!({"argv": argv}));
    assert_eq!(stdout(&run(json!(["env"])).await), "LANG=C.UTF-8\n");
    assert_eq!(stdout(&run(json!(["pwd"])).await), "/usr\n");
    assert_eq!(stdout(&run(json!(["cat"])).await), "");
}

#[tokio::test]
async fn how_a_program_ended_is_told() {
    let program = "echo out; echo err >&2; exit 3";
    let result = run(
        &format!(r#"[["bash", "-c", "{program}"]]"#),
        &["bash", "-c", program],
    )
    .await;
    let told = result.result.clone().unwrap();
    assert_eq!(
        (code(&result), result.status),
        ("exit_code", CommandStatus::Error)
    );
    assert_eq!(
        (&told["exit_code"], &told["stdout"], &told["stderr"]),
        (&json!(3), &json!("out\n"), &json!("err\n"))
    );
    let told = run(r#"[["true"]]"#, &["true"]).await.result.unwrap();
    assert_eq!(told["exit_code"], 0);
}

#[tokio::test]
async fn a_program_without_end_is_stopped_with_all_that_it_began() {
    for program in [
        "sleep 1000 & echo $!; wait",
        // Neither of them goes when it is asked to.
        "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $!; while :; do sleep 1; done",
        // The parent is gone at once.
        "sleep 1000 & echo $!",
    ] {
        let began = Instant::now();
        let result = run(
            &format!(r#"[["bash", "-c", "{program}"]]"#),
            &["bash", "-c", program],
        )
        .await;
        let expected = if program.ends_with("$!") {
            "ok"
        } else {
            "timed_out"
        };
        assert_eq!(code(&result), expected, "{program}");
        assert!(began.elapsed() < Duration::from_secs(8), "{program}");
        assert!(is_gone(stdout(&result)).await, "{program}");
    }
}

#[tokio::test]
async fn a_process_that_leaves_its_group_is_not_waited_for() {
    let program = "setsid sleep 20 & echo begun";
    let began = Instant::now();
    let result = run(
        &format!(r#"[["bash", "-c", "{program}"]]"#),
        &["bash", "-c", program],
    )
    .await;
    assert_eq!((code(&result), stdout(&result)), ("ok", "begun\n"));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn output_without_end_is_cut_and_the_program_stopped() {
    let result = run(r#"[["yes"]]"#, &["yes"]).await;
    assert!(["too_much_output", "timed_out"].contains(&code(&result)));
    let told = result.result.as_ref().unwrap();
    assert_eq!(told["stdout_is_cut"], true);
    for argv in [
        ["head", "-c", "200000", "/dev/zero"],
        ["head", "-c", "200000", "/dev/urandom"],
    ] {
        let result = run(&format!("[{argv:?}]"), &argv).await;
        let told = result.result.as_ref().unwrap();
        assert!(told.to_string().len() <= MAX_RESULT_BYTES);
        assert!(!stdout(&result).contains('\0') && told["stdout_is_cut"] == true);
    }
}

#[tokio::test]
async fn a_cancelled_program_is_stopped_and_so_is_one_that_nobody_waits_for() {
    let home = Home::new();
    let seen = home.0.join("pid");
    let program = format!("echo $$ > {}; sleep 1000", seen.display());
    let effects = enabled(&format!(
        r#"shell = {{ commands = [["bash", "-c", "{program}"]] }}"#
    ));
    let command = command("shell.run", &json!({"argv": ["bash", "-c", program]}));
    for is_dropped in [false, true] {
        let cancel = CancellationToken::new();
        let mut work = effects.begin(&command, cancel.clone()).ok().unwrap().work;
        let begun = async {
            while fs::read_to_string(&seen).unwrap_or_default().trim().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = &mut work => panic!("it has no end"),
            () = begun => {}
        }
        let pid = fs::read_to_string(&seen).unwrap();
        assert!(is_alive(&pid));
        if is_dropped {
            drop(work);
            assert!(is_gone(&pid).await);
        } else {
            cancel.cancel();
            let result = effects::result(&command, work.await);
            assert_eq!(result.status, CommandStatus::Cancelled);
            assert!(is_gone(&pid).await);
        }
        fs::remove_file(&seen).unwrap();
    }
}
