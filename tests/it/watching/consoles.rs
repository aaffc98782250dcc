//! Consoles: users who watch the agents that they belong to.

use std::time::Duration;

use axum::http::Method;
use hub::{
    identity::Role,
    satellite::protocol::{
        CONSOLE_SUBPROTOCOL, CloseReason, ConsoleWelcome, ErrorCode, HubFrame, SUBPROTOCOL,
    },
};
use secrecy::SecretString;
use serde_json::json;
use support::{Client, Rest, Served, Socket, TestHub, User, thing};
use tokio::time::timeout;

use super::{SOON, begins, end, happens, position, refused, sees, subscribe};
use crate::satellite::ended;

async fn open(served: &Served, client: &Client) -> Socket {
    let token = SecretString::from(client.credential().to_owned());
    let opened = Socket::open_as(CONSOLE_SUBPROTOCOL, &served.console_url(), Some(&token)).await;
    opened.expect("the sign-in is good")
}

async fn greet(served: &Served, client: &Client) -> (Socket, ConsoleWelcome) {
    let mut socket = open(served, client).await;
    socket.says_text(r#"{"type":"hello"}"#).await;
    let welcome = serde_json::from_str(&socket.hears_text().await).unwrap();
    (socket, welcome)
}

async fn home() -> (TestHub, Served, Rest, User) {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
    (hub, served, rest, ada)
}

#[tokio::test]
async fn a_user_watches_the_agents_that_they_belong_to_and_no_other() {
    let (hub, served, rest, ada) = home().await;
    let away = hub.household("away").await;
    let stranger = away.owner("stranger").await;
    let (mut console, welcome) = greet(&served, &rest.user(&ada).await).await;
    let told: Vec<_> = welcome
        .agents
        .iter()
        .map(|a| (a.agent_id, a.name.as_str(), a.role.as_str()))
        .collect();
    assert_eq!(
        (welcome.user_id, told),
        (ada.id.0, vec![(hub.home.agent.0, "home", "owner")])
    );
    happens(&hub.home.kitchen, 2).await;
    let begun = begins(&mut console, subscribe("home", &["x.*"], Some("1:0"))).await;
    assert!(begun.resumed);
    assert_eq!(sees(&mut console).await.body["payload"]["number"], 0);
    assert_eq!(sees(&mut console).await.body["payload"]["number"], 1);
    for agent in [away.agent.0, ada.id.0] {
        let asked = json!({"type": "subscribe", "subscription": "away", "topics": ["*"], "agent_id": agent});
        console.says_text(&asked.to_string()).await;
        assert_eq!(refused(&mut console, "away").await.0, ErrorCode::NotFound);
    }
    let (_, welcome) = greet(&served, &rest.user(&stranger).await).await;
    assert_eq!(welcome.agents[0].agent_id, away.agent.0);
}

#[tokio::test]
async fn a_user_sees_their_own_and_the_households_and_never_anothers() {
    let (hub, served, rest, ada) = home().await;
    let bob = hub.member("bob").await;
    ada.says("before, in private", "a1").await.unwrap();
    bob.says("before, in private", "b1").await.unwrap();
    let (mut hers, _) = greet(&served, &rest.user(&ada).await).await;
    let (mut his, _) = greet(&served, &rest.user(&bob).await).await;
    for console in [&mut hers, &mut his] {
        begins(console, subscribe("all", &["message.*", "x.*"], Some("1:0"))).await;
    }
    ada.says("live, in private", "a2").await.unwrap();
    bob.says("live, in private", "b2").await.unwrap();
    let _ = hub
        .home
        .office
        .sends(vec![thing(json!({"marker": true}))])
        .await
        .unwrap();
    for (console, person) in [(&mut hers, ada.person), (&mut his, bob.person)] {
        let mut own = 0;
        loop {
            let event = sees(console).await;
            if event.body["payload"]["marker"] == true {
                break;
            }
            assert_eq!(event.body["audience_person_id"], json!(person));
            own += 1;
        }
        assert_eq!(own, 2);
    }
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_token_may_come_in_the_hello_and_must_be_a_users() {
    let (hub, served, rest, ada) = home().await;
    let url = served.console_url();
    let client = rest.user(&ada).await;
    let mut socket = Socket::open_as(CONSOLE_SUBPROTOCOL, &url, None).await.unwrap();
    let hello = json!({"type": "hello", "token": client.credential()});
    socket.says_text(&hello.to_string()).await;
    let welcome: ConsoleWelcome = serde_json::from_str(&socket.hears_text().await).unwrap();
    assert_eq!(welcome.user_id, ada.id.0);
    let device = secrecy::ExposeSecret::expose_secret(&hub.home.office.token).to_owned();
    for wrong in [
        json!({"type": "hello"}),
        json!({"type": "hello", "token": device}),
        json!({"type": "hello", "token": "x"}),
    ] {
        let mut socket = Socket::open_as(CONSOLE_SUBPROTOCOL, &url, None).await.unwrap();
        socket.says_text(&wrong.to_string()).await;
        ended(&socket.end().await, CloseReason::Unauthorized);
    }
    for token in [&hub.home.office.token, &SecretString::from("x")] {
        let refused = Socket::open_as(CONSOLE_SUBPROTOCOL, &url, Some(token)).await;
        assert_eq!(refused.err().map(|status| status.as_u16()), Some(401));
    }
    let token = SecretString::from(client.credential().to_owned());
    let refused = Socket::open_as(SUBPROTOCOL, &url, Some(&token)).await;
    assert_eq!(refused.err().map(|status| status.as_u16()), Some(400));
    let mut socket = open(&served, &client).await;
    socket.says(subscribe("s", &["*"], None)).await;
    ended(&socket.end().await, CloseReason::ProtocolError);
}

#[tokio::test]
async fn a_console_only_watches() {
    let (hub, served, rest, ada) = home().await;
    let (mut console, _) = greet(&served, &rest.user(&ada).await).await;
    let before = end(&hub).await;
    console.transcribes("one", "hello").await;
    let HubFrame::Error(error) = console.hears().await else {
        panic!("a transcript of a console is taken");
    };
    assert_eq!((error.code, end(&hub).await), (ErrorCode::Unsupported, before));
    console.says_text(r#"{"type":"ping","nonce":"n"}"#).await;
    assert!(matches!(console.hears().await, HubFrame::Pong(pong) if pong.nonce.as_deref() == Some("n")));
    console.says_text("{").await;
    ended(&console.end().await, CloseReason::ProtocolError);
}

#[tokio::test]
async fn a_guest_may_not_watch_and_a_member_who_becomes_one_may_not_any_more() {
    let (hub, served, rest, _) = home().await;
    let (bob, carl) = (hub.member("bob").await, hub.home.user("carl", Role::Guest).await);
    let (mut his, welcome) = greet(&served, &rest.user(&carl).await).await;
    assert_eq!(welcome.agents[0].role, "guest");
    his.says(subscribe("s", &["*"], None)).await;
    assert_eq!(refused(&mut his, "s").await.0, ErrorCode::Forbidden);
    let (mut console, _) = greet(&served, &rest.user(&bob).await).await;
    begins(&mut console, subscribe("s", &["x.*"], None)).await;
    let demoted = format!(
        "update hub.memberships set role = 'guest' where user_id = '{}'",
        bob.id
    );
    hub.sql().execute(&demoted).await;
    assert_eq!(refused(&mut console, "s").await.0, ErrorCode::Forbidden);
    happens(&hub.home.kitchen, 1).await;
    console.says_text(r#"{"type":"ping"}"#).await;
    assert!(matches!(console.hears().await, HubFrame::Pong(_)));
}

/// Within a second; the test waits a little longer.
#[tokio::test]
async fn a_sign_in_that_ends_closes_the_console() {
    let (_hub, served, rest, ada) = home().await;
    let hers = rest.user(&ada).await;
    let (idle, _) = greet(&served, &hers).await;
    let (mut watching, _) = greet(&served, &hers).await;
    begins(&mut watching, subscribe("s", &["*"], None)).await;
    let _ = hers.ask(Method::POST, "/v1/sign-out").send().await.expect(204);
    for mut console in [idle, watching] {
        let ends = timeout(Duration::from_secs(3), console.end()).await;
        ended(&ends.unwrap(), CloseReason::Revoked);
    }
}

/// Within a second; the test waits a little longer. What the console watches of other agents goes on.
#[tokio::test]
async fn who_belongs_to_an_agent_no_more_is_told_nothing_more_of_it_only() {
    let (hub, served, rest, _) = home().await;
    let away = hub.household("away").await;
    let (bob, carl) = (hub.member("bob").await, hub.member("carl").await);
    for user in [&bob, &carl] {
        let joins = format!(
            "insert into hub.memberships (agent_id, id, user_id, role, created_at)
             values ('{}', gen_random_uuid(), '{}', 'member', now())",
            away.agent, user.id
        );
        hub.sql().execute(&joins).await;
    }
    let mut consoles = [
        greet(&served, &rest.user(&bob).await).await.0,
        greet(&served, &rest.user(&carl).await).await.0,
    ];
    for console in &mut consoles {
        for (name, agent) in [("home", hub.home.agent), ("away", away.agent)] {
            let asked =
                json!({"type": "subscribe", "subscription": name, "topics": ["x.*"], "agent_id": agent});
            console.says_text(&asked.to_string()).await;
            assert!(matches!(console.hears().await, HubFrame::Subscribed(_)));
        }
    }
    let agent = hub.home.agent;
    let ends = format!(
        "update hub.memberships set revoked_at = now() where agent_id = '{agent}' and user_id = '{}';
         update hub.memberships set role = 'blocked' where agent_id = '{agent}' and user_id = '{}'",
        bob.id, carl.id
    );
    hub.sql().execute(&ends).await;
    for console in &mut consoles {
        let over = timeout(Duration::from_secs(3), refused(console, "home")).await;
        assert_eq!(over.unwrap().0, ErrorCode::NotFound);
    }
    happens(&hub.home.kitchen, 1).await;
    happens(&away.kitchen, 1).await;
    for console in &mut consoles {
        assert_eq!(sees(console).await.subscription.as_str(), "away");
        console.says_text(r#"{"type":"ping"}"#).await;
        assert!(matches!(console.hears().await, HubFrame::Pong(_)));
    }
}

#[tokio::test]
async fn a_user_has_few_consoles_at_once() {
    let (_hub, served, rest, ada) = home().await;
    let client = rest.user(&ada).await;
    let mut consoles = Vec::new();
    for _ in 0..8 {
        consoles.push(greet(&served, &client).await.0);
    }
    let mut more = open(&served, &client).await;
    more.says_text(r#"{"type":"hello"}"#).await;
    let end = more.end().await;
    assert_eq!(end.error.unwrap().code, ErrorCode::Busy);
    assert!(consoles.pop().unwrap().leaves().await);
    // Its room is free as soon as the hub has heard it.
    let again = timeout(SOON, async {
        loop {
            let mut socket = open(&served, &client).await;
            socket.says_text(r#"{"type":"hello"}"#).await;
            if socket.hears_text().await.contains("welcome") {
                return socket;
            }
        }
    });
    let mut again = again.await.unwrap();
    let begun = begins(&mut again, subscribe("s", &["*"], None)).await;
    assert!(position(&begun.cursor) > 0);
}

#[tokio::test]
async fn a_shutdown_says_goodbye_to_consoles() {
    let (_hub, served, rest, ada) = home().await;
    let (mut console, _) = greet(&served, &rest.user(&ada).await).await;
    begins(&mut console, subscribe("s", &["*"], None)).await;
    let (end, ()) = tokio::join!(console.end(), served.shut_down());
    ended(&end, CloseReason::Restart);
}

/// A console shows what its user sees: whoever means to watch by a delegation must not be shown something else.
#[tokio::test]
async fn a_delegation_beside_a_consoles_sign_in_is_refused() {
    let (_hub, served, rest, ada) = home().await;
    let client = rest.user(&ada).await;
    let upgrade = || {
        let asking = reqwest::Client::builder().build().unwrap();
        let url = served.console_url().replacen("ws", "http", 1);
        let asked = asking.get(url).bearer_auth(client.credential());
        asked
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", CONSOLE_SUBPROTOCOL)
    };
    let opened = upgrade().send().await.unwrap();
    assert_eq!(opened.status(), 101);
    let refused = upgrade()
        .header("hub-delegation", "hubg_some")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
    let told = refused.text().await.unwrap();
    assert!(told.contains("leave out Hub-Delegation"), "{told}");
}
