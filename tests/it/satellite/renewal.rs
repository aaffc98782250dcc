//! `renew`: a device gets a new credential on its socket.

use std::time::Duration;

use hub::{
    devices::{
        Socket as Seat,
        renew::renew,
        rotate::{Fresh, rotate},
    },
    error::Error,
    ids::{CommandId, TokenId},
    satellite::protocol::{CloseReason, ErrorCode, HubFrame, Renew, Renewed, SatelliteFrame},
    turns::offline::Offline,
};
use secrecy::SecretString;
use support::{Served, Socket, TestDevice, TestHub};

use super::{acknowledge, ended, ends_at_once, footprint, nodes::revokes, position, sets_credentials, tell};

async fn renews(socket: &mut Socket) -> Renewed {
    socket.says(SatelliteFrame::Renew(Renew {})).await;
    match socket.hears().await {
        HubFrame::Renewed(renewed) => renewed,
        other => panic!("not renewed: {other:?}"),
    }
}

async fn refuses(socket: &mut Socket) {
    socket.says(SatelliteFrame::Renew(Renew {})).await;
    let HubFrame::Error(refused) = socket.hears().await else {
        panic!("it was renewed");
    };
    assert_eq!(refused.code, ErrorCode::Conflict);
}

/// A person gives the device a new credential.
async fn rotates(hub: &TestHub, device: &TestDevice, overlap: chrono::Duration) -> Fresh {
    let mut tx = hub.home.whole().await;
    let (_, fresh) = rotate(&mut tx, device.id, overlap).await.unwrap();
    tx.commit().await.unwrap();
    fresh
}

fn token(renewed: &Renewed) -> SecretString {
    SecretString::from(renewed.token.expose().to_owned())
}

async fn is_good(served: &Served, token: &SecretString) -> bool {
    Socket::open(&served.socket_url(), Some(token)).await.is_ok()
}

#[tokio::test]
async fn the_socket_goes_on_with_the_new_credential_when_the_old_one_ends() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let office = &hub.home.office;
    let (mut socket, _) = Socket::greet(&served, office, &[]).await;
    let renewed = renews(&mut socket).await;
    assert_eq!(renewed.previous_ends_at.to_rfc3339(), "2026-03-01T12:10:00+00:00");
    assert!(is_good(&served, &office.token).await && is_good(&served, &token(&renewed)).await);
    hub.clock.advance(chrono::Duration::minutes(10));
    assert!(!is_good(&served, &office.token).await);
    // Longer than the look at who was revoked takes.
    assert_eq!(socket.hears_within(Duration::from_millis(1200)).await, None);
    let id: CommandId = tell(&hub.home, office, "one").await;
    assert_eq!(socket.is_told().await.command_id, id.0);
    acknowledge(&mut socket, id).await;
    socket.transcribes("one", "hello").await;
    position(&socket.hears().await, "one");
    assert!(is_good(&served, &token(&renewed)).await);
    hub.run_jobs().await;
}

/// The rule for an answer that was lost: come back with the old one, and renew again.
#[tokio::test]
async fn who_lost_the_answer_renews_again() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let lost = renews(&mut socket).await;
    drop(socket);
    let (mut socket, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let kept = renews(&mut socket).await;
    hub.clock.advance(chrono::Duration::minutes(10));
    assert!(
        !is_good(&served, &token(&lost)).await,
        "what nobody has stays good"
    );
    assert!(is_good(&served, &token(&kept)).await);
}

#[tokio::test]
async fn a_revoked_device_renews_nothing() {
    let hub = TestHub::start().await;
    // Nothing tells the socket but its own frame.
    let served = Served::deaf(&hub).await;
    let office = &hub.home.office;
    let (mut socket, _) = Socket::greet(&served, office, &[]).await;
    revokes(&hub.another_process(Offline), office).await;
    let before = footprint(&hub).await;
    let live = "device_id = (select id from hub.devices where name = 'office') and revoked_at is null";
    socket.says(SatelliteFrame::Renew(Renew {})).await;
    let end = socket.end().await;
    ended(&end, CloseReason::Revoked);
    assert_eq!((end.frames, footprint(&hub).await), (vec![], before));
    assert_eq!(hub.sql().count("access_tokens", live).await, 0);
}

#[tokio::test]
async fn a_credential_that_was_revoked_has_no_successor_on_a_live_device() {
    let hub = TestHub::start().await;
    let served = Served::deaf(&hub).await;
    let office = &hub.home.office;
    let (mut socket, _) = Socket::greet(&served, office, &[]).await;
    sets_credentials(&hub, office, "revoked_at = now()").await;
    socket.says(SatelliteFrame::Renew(Renew {})).await;
    ended(&socket.end().await, CloseReason::Revoked);
}

#[tokio::test]
async fn who_renews_too_often_is_told_so_and_stays() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    for _ in 0..3 {
        renews(&mut socket).await;
    }
    refuses(&mut socket).await;
    hub.clock.advance(chrono::Duration::minutes(10));
    renews(&mut socket).await;
}

#[tokio::test]
async fn a_renewed_credential_can_do_no_more_than_the_one_before() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let office = &hub.home.office;
    sets_credentials(&hub, office, "scopes = '{commands:receive}'").await;
    let (mut socket, _) = Socket::greet(&served, office, &[]).await;
    let renewed = renews(&mut socket).await;
    let mut socket = Socket::open(&served.socket_url(), Some(&token(&renewed)))
        .await
        .unwrap();
    socket.says_hello(&[]).await;
    assert!(matches!(socket.hears().await, HubFrame::Welcome(_)));
    socket.transcribes("one", "hello").await;
    let HubFrame::Rejected(refused) = socket.hears().await else {
        panic!("a scope came back");
    };
    assert_eq!(refused.code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn a_credential_that_a_person_replaced_at_once_closes_its_socket() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let office = &hub.home.office;
    let (mut socket, _) = Socket::greet(&served, office, &[]).await;
    rotates(&hub, office, chrono::Duration::zero()).await;
    ends_at_once(&mut socket, CloseReason::Revoked).await;
}

/// The theft is stopped at once, whatever the thief had begun.
#[tokio::test]
async fn a_renewal_that_waits_for_a_rotation_at_once_gets_nothing() {
    let hub = TestHub::start().await;
    let served = Served::deaf(&hub).await;
    let office = &hub.home.office;
    let _socket = Socket::greet(&served, office, &[]).await;
    let of_office = |what: &str, table: &str, id: &str| {
        format!("select {what} from hub.{table} where {id} = '{}'", office.id)
    };
    let token = hub
        .sql()
        .value(&of_office("id", "access_tokens", "device_id"))
        .await;
    let seat = Seat {
        device: office.id,
        node: hub.node,
        generation: hub.sql().value(&of_office("generation", "devices", "id")).await,
    };
    let mut late = hub.home.whole().await;
    hub.clock.advance(chrono::Duration::milliseconds(1));
    let fresh = rotates(&hub, office, chrono::Duration::zero()).await;
    let renewed = renew(&mut late, seat, TokenId(token)).await;
    assert!(matches!(renewed, Err(Error::Conflict { .. })), "{renewed:?}");
    drop(late);
    hub.clock.advance(chrono::Duration::minutes(11));
    assert!(is_good(&served, &fresh.token).await);
    assert!(!is_good(&served, &office.token).await);
}

/// Whoever has the old credential: the device that has not been told yet, or a thief.
#[tokio::test]
async fn a_credential_that_a_person_replaced_renews_nothing_while_it_lives() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let office = &hub.home.office;
    let (mut socket, _) = Socket::greet(&served, office, &[]).await;
    let renewed = renews(&mut socket).await;
    let fresh = rotates(&hub, office, chrono::Duration::minutes(30)).await;
    // Neither the successor, with which the socket goes on, nor the one before.
    refuses(&mut socket).await;
    let (mut socket, _) = Socket::greet(&served, office, &[]).await;
    refuses(&mut socket).await;
    assert!(is_good(&served, &token(&renewed)).await, "it lives until its end");
    hub.clock.advance(chrono::Duration::minutes(31));
    assert!(is_good(&served, &fresh.token).await);
    assert!(!is_good(&served, &token(&renewed)).await && !is_good(&served, &office.token).await);
}
