//! A satellite of another machine that has no credentials: it shows a code, a person lets it in, and it renews what it got.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use support::{Program, Shell, TlsFront};

use super::satellite;

/// How long the code may take to be there, on a busy machine.
const TRIES: u32 = 300;

struct House {
    program: Program,
    front: TlsFront,
    /// The folder of the satellite's machine.
    hall: PathBuf,
}

impl House {
    /// A hub behind TLS whose owner is signed in where it runs.
    async fn start() -> Self {
        let program = Program::claimed(&[]).await;
        let front = TlsFront::before(program.address()).await;
        let hall = program.dir().join("machines/hall");
        fs::create_dir_all(&hall).unwrap();
        fs::write(hall.join("house.pem"), front.authority()).unwrap();
        Self { program, front, hall }
    }

    fn ada(&self) -> Shell<'_> {
        self.program.shell()
    }

    async fn satellite(&self, with: &[&str]) -> (bool, String) {
        let url = self.front.socket_url();
        let hall = satellite("hall", &url, "1");
        let trusting = ["--ca-file", "house.pem"];
        self.program
            .run_in(&self.hall, &[&hall[..], &trusting, with].concat(), "")
            .await
    }

    /// The code of the pairing that waits.
    async fn code(&self) -> String {
        let query = "select coalesce(min(user_code), '') from hub.pairings where state = 'waiting'";
        for _ in 0..TRIES {
            let code: String = self.program.sql().value(query).await;
            if !code.is_empty() {
                return code;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no satellite asks");
    }

    fn credentials(&self) -> (Value, u32) {
        let path = self.hall.join("satellites/hall.json");
        let text = fs::read_to_string(&path).unwrap();
        (serde_json::from_str(&text).unwrap(), mode(&path))
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .map(|file| Permissions::mode(&file.permissions()) & 0o777)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_satellite_without_credentials_is_let_in_by_its_code_and_renews_them() {
    let house = House::start().await;
    let person = async {
        let code = house.code().await;
        let said = house.ada().is_refused(&["pair", &code]).await;
        assert!(said.contains("give --space: kitchen, office"), "{said}");
        assert!(
            said.contains("hub satellite") && said.contains("display.show"),
            "{said}"
        );
        let said = house
            .ada()
            .is_refused(&["pair", &code, "--space", "office"])
            .await;
        assert!(said.contains("add --yes"), "nobody was asked: {said}");
        let said = house
            .ada()
            .types(&["pair", &code, "--space", "kitchen", "--curl"])
            .await;
        assert!(said.contains("/v1/agents/self/pairings/approve"), "{said}");
        let said = house
            .ada()
            .types(&["pair", &code.to_lowercase(), "--space", "Kitchen", "--yes"])
            .await;
        assert!(said.contains("hall is let in"), "{said}");
    };
    let ((is_well, said), ()) = tokio::join!(house.satellite(&["--pair"]), person);
    assert!(
        is_well && said.contains("hub pair ") && said.contains("connected as hall"),
        "{said}"
    );
    let (first, mode) = house.credentials();
    assert_eq!(
        (mode, &first["url"]),
        (0o600, &Value::from(house.front.socket_url()))
    );
    assert!(
        !said.contains(first["token"].as_str().unwrap()),
        "the credential is printed"
    );

    let (is_well, said) = house.satellite(&["--renew"]).await;
    assert!(is_well && said.contains("the credential was renewed"), "{said}");
    let (second, mode) = house.credentials();
    assert!(mode == 0o600 && second["token"] != first["token"] && second["device_id"] == first["device_id"]);
    let (is_well, said) = house.satellite(&[]).await;
    assert!(is_well && said.contains("connected as hall"), "{said}");
    let (is_well, said) = house.satellite(&["--pair"]).await;
    assert!(!is_well && said.contains("already"), "{said}");
    let said = house.ada().types(&["devices"]).await;
    assert!(said.contains("hall  in kitchen"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_satellite_that_is_sent_away_says_so_and_keeps_nothing() {
    let house = House::start().await;
    let person = async {
        let code = house.code().await;
        let said = house.ada().types(&["pair", &code, "--reject"]).await;
        assert!(said.contains("Sent away"), "{said}");
        let said = house.ada().is_refused(&["pair", &code, "--yes"]).await;
        assert!(said.contains("is not a code that waits"), "{said}");
    };
    let ((is_well, said), ()) = tokio::join!(house.satellite(&["--pair"]), person);
    assert!(!is_well && said.contains("a person said no"), "{said}");
    assert!(!house.hall.join("satellites/hall.json").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_shown_before_it_is_allowed_however_many_devices_there_were() {
    let house = House::start().await;
    // A page and more of devices that are gone; their ids are before those of all that live.
    let gone = "insert into hub.devices (agent_id, id, space_id, name, scopes, default_trust, created_at, revoked_at)
        select d.agent_id, lpad(to_hex(n), 32, '0')::uuid, d.space_id, 'gone ' || n, d.scopes, d.default_trust, now(), now()
        from hub.devices d, generate_series(1, 250) n where d.name = 'kitchen';
        update hub.devices set approved_kinds = '{}', capabilities = '[{\"kind\": \"door.open\"}, {\"kind\": \"echo\"}]'
        where name = 'kitchen'";
    house.program.sql().execute(gone).await;
    let said = house.ada().types(&["devices"]).await;
    assert!(said.contains("hub devices --allow kitchen"), "{said}");
    let said = house.ada().types(&["devices", "--json"]).await;
    assert!(said.contains("gone 250") && said.contains("door.open"), "{said}");
    let said = house.ada().is_refused(&["devices", "--allow", "kitchen"]).await;
    let shown = "kitchen would be used for\n  door.open\n  echo\n";
    assert!(said.contains(shown) && said.contains("add --yes"), "{said}");
    let approved = "name = 'kitchen' and cardinality(approved_kinds) > 0";
    assert_eq!(
        house.program.sql().count("devices", approved).await,
        0,
        "nobody was asked"
    );
    let one = ["devices", "--allow", "kitchen", "--kind", "echo", "--yes"];
    let said = house.ada().types(&one).await;
    assert!(said.contains("kitchen is used for echo."), "{said}");
    let said = house.ada().types(&["devices"]).await;
    assert!(said.contains("waits for you   door.open"), "{said}");
}
