//! A credential is asked for until it has come.

use super::*;
use crate::protocol::Renewed;

fn asks(outputs: &[Output]) -> bool {
    outputs.contains(&Output::Send(SatelliteFrame::Renew(Renew {})))
}

#[test]
fn a_renewal_whose_answer_was_lost_is_asked_for_again_and_no_other() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    assert!(!asks(&welcome(&mut machine, Vec::new())), "nobody wants one");
    machine.renew();
    machine.handle(Input::Lost);
    assert!(asks(&welcome(&mut machine, Vec::new())));
    machine.handle(Input::Lost);
    assert!(
        asks(&welcome(&mut machine, Vec::new())),
        "the wish was lost with the answer"
    );
    let token = BearerToken::from("new".to_owned());
    let renewed = Renewed {
        token: token.clone(),
        previous_ends_at: crate::ambient::now(),
    };
    let kept = machine.handle(Input::Received(HubFrame::Renewed(renewed)));
    assert_eq!(kept, vec![Output::Keep(token)]);
    machine.handle(Input::Lost);
    assert!(!asks(&welcome(&mut machine, Vec::new())));
}
