//! What a device says it can do beyond what a person approved: it waits.

use axum::http::Method;
use serde_json::{Value, json};
use support::{Answer, Client, Rest, Served, Socket, TestDevice, TestHub};

struct Home {
    hub: TestHub,
    served: Served,
    ada: Client,
}

impl Home {
    async fn new() -> Self {
        let hub = TestHub::start().await;
        let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
        let served = Served::start(&hub).await;
        hub.expect_leftovers();
        Self { hub, served, ada }
    }

    fn office(&self) -> &TestDevice {
        &self.hub.home.office
    }

    /// The office comes with these kinds; those that wait.
    async fn comes(&self, kinds: &[&str]) -> Vec<String> {
        let (_socket, welcome) = Socket::greet(&self.served, self.office(), kinds).await;
        welcome.waiting_capabilities
    }

    async fn device(&self) -> Value {
        let path = format!("devices/{}", self.office().id);
        self.ada.get(&path).await.expect(200).json
    }

    async fn sends(&self, kind: &str) -> Answer {
        let body = json!({"device_id": self.office().id, "kind": kind, "arguments": {}});
        self.ada.post("commands", body).await
    }

    async fn allows(&self, kinds: &[&str]) -> Answer {
        let path = format!("devices/{}/capabilities/approve", self.office().id);
        self.ada.post(&path, json!({"kinds": kinds})).await
    }

    async fn asked(&self) -> i64 {
        let asked = "type = 'device.changed' and payload ->> 'state' = 'capabilities_waiting'";
        self.hub.sql().count("events", asked).await
    }
}

fn kinds(capabilities: &Value) -> Vec<&str> {
    let all = capabilities.as_array().into_iter().flatten();
    all.filter_map(|one| one["kind"].as_str()).collect()
}

#[tokio::test]
async fn what_a_device_can_do_beyond_its_approval_is_not_used_until_a_person_approves_it() {
    let home = Home::new().await;
    // What it declares first came with it.
    assert_eq!(home.comes(&[]).await, [""; 0]);
    assert_eq!(home.comes(&["speaker.say"]).await, [""; 0]);
    assert_eq!(
        home.comes(&["speaker.say", "door.open", "shell.run"]).await,
        ["door.open", "shell.run"]
    );
    let device = home.device().await;
    assert_eq!(kinds(&device["capabilities"]), ["speaker.say"]);
    assert_eq!(kinds(&device["waiting_capabilities"]), ["door.open", "shell.run"]);
    let refused = home.sends("door.open").await.refuses(409, "device_cannot");
    assert!(
        refused.text("/detail").contains("nobody has approved"),
        "{}",
        refused.told()
    );
    let anybody = json!({"space_id": home.office().space, "kind": "door.open", "arguments": {}});
    let _ = home.ada.post("commands", anybody).await.refuses(409, "no_device");
    let _ = home.sends("speaker.say").await.expect(201);

    let allowed = home.allows(&["door.open"]).await.expect(200);
    assert_eq!(kinds(&allowed.json["capabilities"]), ["speaker.say", "door.open"]);
    let _ = home.sends("door.open").await.expect(201);
    let _ = home.sends("shell.run").await.refuses(409, "device_cannot");
    assert_eq!(
        home.comes(&["speaker.say", "door.open", "shell.run"]).await,
        ["shell.run"]
    );
}

#[tokio::test]
async fn a_device_that_comes_back_asks_once() {
    let home = Home::new().await;
    home.comes(&["speaker.say"]).await;
    for _ in 0..3 {
        home.comes(&["speaker.say", "door.open"]).await;
    }
    assert_eq!(home.asked().await, 1);
    home.comes(&["speaker.say", "door.open", "shell.run"]).await;
    assert_eq!(home.asked().await, 2);
}

#[tokio::test]
async fn to_do_less_is_free_and_to_do_again_what_was_approved_too() {
    let home = Home::new().await;
    home.comes(&["speaker.say", "echo"]).await;
    assert_eq!(home.comes(&["echo"]).await, [""; 0]);
    assert_eq!(kinds(&home.device().await["capabilities"]), ["echo"]);
    let _ = home.sends("speaker.say").await.refuses(409, "device_cannot");
    assert_eq!(home.comes(&[]).await, [""; 0]);
    assert_eq!(home.comes(&["speaker.say", "echo"]).await, [""; 0]);
    assert_eq!(home.comes(&["door.open"]).await, ["door.open"]);
    assert_eq!(home.asked().await, 1);
}

#[tokio::test]
async fn only_what_a_device_declares_is_approved() {
    let home = Home::new().await;
    home.comes(&["speaker.say"]).await;
    home.comes(&["speaker.say", "door.open"]).await;
    let _ = home
        .allows(&["door.open", "shell.run"])
        .await
        .points_at("/kinds/1");
    let _ = home.allows(&[]).await.points_at("/kinds");
    assert_eq!(kinds(&home.device().await["waiting_capabilities"]), ["door.open"]);
    let member = Rest::of(&home.hub).user(&home.hub.member("grace").await).await;
    let path = format!("devices/{}/capabilities/approve", home.office().id);
    let _ = member
        .post(&path, json!({"kinds": ["door.open"]}))
        .await
        .refuses(403, "forbidden");
    let _ = home.allows(&["door.open"]).await.expect(200);
    let _ = home.allows(&["door.open"]).await.expect(200);
    let approved = "operation = 'approve_capabilities'";
    assert_eq!(
        home.hub.sql().count("audit_entries", approved).await,
        1,
        "approved once"
    );
    let kinds =
        "operation = 'approve_capabilities' and body::jsonb -> 'details' -> 'kinds' = '[\"door.open\"]'";
    assert_eq!(
        home.hub.sql().count("audit_entries", kinds).await,
        1,
        "nobody can say what was approved"
    );
}

/// A person approved none: what it declares first is beyond that.
#[tokio::test]
async fn a_paired_device_that_asked_with_nothing_asks_for_what_it_then_declares() {
    let home = Home::new().await;
    let nobody = Rest::of(&home.hub).nobody();
    let started = nobody
        .post("/v1/pairings", json!({"client_id": "lamp"}))
        .await
        .expect(200);
    let approval =
        json!({"user_code": started.text("/user_code"), "name": "lamp", "space_id": home.office().space});
    let _ = home.ada.post("pairings/approve", approval).await.expect(201);
    let poll = json!({"grant_type": crate::sample::GRANT, "device_code": started.text("/device_code")});
    let paired = nobody
        .ask(Method::POST, "/v1/pairings/token")
        .json(&poll)
        .send()
        .await
        .expect(200);
    let token = paired.text("/access_token").into();
    let mut socket = Socket::open(&home.served.socket_url(), Some(&token))
        .await
        .unwrap();
    socket.says_hello(&["lamp.on"]).await;
    let hub::satellite::protocol::HubFrame::Welcome(welcome) = socket.hears().await else {
        panic!("not welcome");
    };
    assert_eq!(welcome.waiting_capabilities, ["lamp.on"]);
    assert_eq!(welcome.device_name, "lamp");
}
