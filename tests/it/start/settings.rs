//! What a satellite may do on its own machine: settings that the first start writes, and what is said of others.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use support::Program;
use tokio::time::timeout;

use super::{PATIENCE, satellite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_satellite_does_what_its_settings_say_and_refuses_wrong_ones() {
    let mut program = Program::new(&[]).await;
    program.start().await;
    let url = program.socket_url();
    let kitchen = satellite("kitchen", &url, "1");
    let run = || async {
        let ran = program.run_in(program.dir(), &kitchen, "");
        timeout(PATIENCE, ran).await.expect("it ends")
    };
    let (is_well, said) = run().await;
    assert!(
        is_well && said.contains("enabled: display.show, speaker.say"),
        "{said}"
    );

    let path = program.dir().join("satellites/kitchen.toml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, "shell = { commands = [[\"df\", { matches = \"(\" }]] }").unwrap();
    let (is_well, said) = run().await;
    assert!(!is_well, "{said}");
    assert!(
        said.contains("kitchen.toml: shell.commands[0][1]: is not a pattern"),
        "{said}"
    );

    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let (is_well, said) = run().await;
    assert!(!is_well && said.contains("run: chmod go-w"), "{said}");

    fs::remove_file(&path).unwrap();
    let (is_well, said) = run().await;
    assert!(
        is_well && said.contains("The agent can only reply here") && said.contains("connected as kitchen"),
        "{said}"
    );
}
