//! A credential is asked for until it has come.

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::satellite::protocol::Renewed;

fn asks(outputs: &[Output]) -> bool {
    outputs.contains(&Output::Send(SatelliteFrame::Renew(Renew {})))
}

#[test]
fn a_renewal_whose_answer_was_lost_is_asked_for_again_and_no_other() {
    let mut core = Core::new(capabilities(), Vec::new());
    assert!(!asks(&welcome(&mut core, Vec::new())), "nobody wants one");
    core.renew();
    core.handle(Input::Lost);
    assert!(asks(&welcome(&mut core, Vec::new())));
    core.handle(Input::Lost);
    assert!(
        asks(&welcome(&mut core, Vec::new())),
        "the wish was lost with the answer"
    );
    let token = BearerToken::from("new".to_owned());
    let renewed = Renewed {
        token: token.clone(),
        previous_ends_at: SystemClock.now(),
    };
    let kept = core.handle(Input::Received(HubFrame::Renewed(renewed)));
    assert_eq!(kept, vec![Output::Keep(token)]);
    core.handle(Input::Lost);
    assert!(!asks(&welcome(&mut core, Vec::new())));
}
