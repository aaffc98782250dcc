//! The subscriptions of one socket, and telling it what they bring.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    operate::notice,
    outgoing::{Ended, Outgoing},
    protocol::{
        ClientId, CloseReason, ErrorCode, ErrorNotice, HubFrame, MAX_SUBSCRIPTIONS, Rejected, Subject,
        Subscribed, TopicEvent, Unsubscribed,
    },
    wanted::Wanted,
};
use crate::{
    error::{Error, Result},
    events::{
        cursor::{Cursor, Start},
        recent::Item,
        watch::{REPLACED, Watch},
        watchers::Standing,
    },
    hub::Hub,
    identity::{Caller, Watcher},
};

/// How long after a read that failed the next one comes.
const READ_AGAIN: Duration = Duration::from_millis(500);

/// The subscriptions of a socket.
pub(super) struct Subscriptions {
    bell: Arc<Notify>,
    all: Vec<(ClientId, Watch)>,
    /// Where those start that name no place of their own.
    resume: Option<Cursor>,
    /// When to read again what could not be read.
    again_at: Option<Instant>,
}

impl Subscriptions {
    /// None yet.
    pub(super) fn new(resume: Option<Cursor>) -> Self {
        Self {
            bell: Arc::default(),
            all: Vec::new(),
            resume,
            again_at: None,
        }
    }

    /// Somebody of whom it is asked, while the socket lasts, whether they still may.
    pub(super) fn stand(&self, hub: &Hub, who: Watcher) -> Standing {
        hub.watchers.stand(who, &self.bell)
    }

    /// Ends when there may be something to tell.
    pub(super) async fn rung(&self) {
        match self.again_at {
            Some(at) => tokio::select! { () = self.bell.notified() => {}, () = sleep_until(at) => {} },
            None => self.bell.notified().await,
        }
    }

    /// Begins one, and says so, or why not.
    pub(super) async fn begin(&mut self, hub: &Hub, caller: Result<Caller>, wanted: Wanted) -> HubFrame {
        let name = wanted.name.clone();
        // Boxed, because an idle socket should not hold the room that this needs.
        match Box::pin(self.try_begin(hub, caller, wanted)).await {
            Ok(Start { cursor, is_resumed }) => HubFrame::Subscribed(Subscribed {
                subscription: name,
                cursor: cursor.to_string(),
                resumed: is_resumed,
            }),
            Err(error) => self.answer(rejected(name, notice(&error))),
        }
    }

    /// An answer to a message about a subscription. What refuses the message, while one of that name goes on, is an `error`:
    /// `rejected` says that there is none of that name now.
    pub(super) fn answer(&self, answer: HubFrame) -> HubFrame {
        match answer {
            HubFrame::Rejected(Rejected {
                subject: Subject::Subscription { subscription },
                code,
                detail,
                errors,
            }) if self.is_there(&subscription) => HubFrame::Error(ErrorNotice { code, detail, errors }),
            other => other,
        }
    }

    fn is_there(&self, name: &ClientId) -> bool {
        self.all.iter().any(|(known, _)| known == name)
    }

    async fn try_begin(&mut self, hub: &Hub, caller: Result<Caller>, wanted: Wanted) -> Result<Start> {
        let caller = caller?;
        if self.is_there(&wanted.name) {
            return Err(Error::conflict(
                "subscription_exists",
                format!(
                    "there is a subscription {} on this socket, and it goes on: end it first, or choose another name",
                    wanted.name.as_str()
                ),
            ));
        }
        if self.all.len() >= MAX_SUBSCRIPTIONS as usize {
            return Err(Error::conflict(
                "too_many_subscriptions",
                format!("a socket has at most {MAX_SUBSCRIPTIONS} subscriptions"),
            ));
        }
        let after = wanted.after.or(self.resume);
        let (watch, start) = Watch::begin(hub, caller, wanted.topics, after, &self.bell).await?;
        self.all.push((wanted.name, watch));
        Ok(start)
    }

    /// Ends one.
    pub(super) fn end(&mut self, name: ClientId) -> HubFrame {
        let before = self.all.len();
        self.all.retain(|(known, _)| *known != name);
        if self.all.len() == before {
            let notice = ErrorNotice {
                code: ErrorCode::NotFound,
                detail: "there is no such subscription on this socket".to_owned(),
                errors: Vec::new(),
            };
            return rejected(name, notice);
        }
        HubFrame::Unsubscribed(Unsubscribed { subscription: name })
    }

    /// Sends what is new: of each subscription a part, so that none keeps the others, or what else the socket is for, waiting.
    pub(super) async fn tell(&mut self, out: &mut Outgoing) -> Result<(), Ended> {
        self.again_at = None;
        let mut has_more = false;
        let mut index = 0;
        while let Some((name, watch)) = self.all.get_mut(index) {
            match watch.next().await {
                Ok(news) => {
                    has_more |= news.has_more;
                    for (topic, item) in news.events {
                        // A slow reader takes its time for each; what was revoked meanwhile ends at the next look.
                        if watch.check().is_err() {
                            has_more = true;
                            break;
                        }
                        out.send(&event(name, topic, &item)).await?;
                    }
                    index += 1;
                }
                Err(error) => {
                    let Some(refusal) = self.ended(index, &error)? else {
                        // The others would wait for the same, one after another; next time they come first.
                        self.all.rotate_left(index + 1);
                        return Ok(());
                    };
                    self.all.remove(index);
                    out.send(&refusal).await?;
                }
            }
        }
        if has_more {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// What an error ends: the socket, or the subscription with this frame, or nothing.
    fn ended(&mut self, index: usize, error: &Error) -> Result<Option<HubFrame>, Ended> {
        match error {
            Error::Unauthenticated(_) => Err(Ended::because(CloseReason::Revoked)),
            Error::Conflict { code: REPLACED, .. } => Err(Ended::because(CloseReason::Restart)),
            error if error.is_outage() => {
                self.again_at = Some(Instant::now() + READ_AGAIN);
                Ok(None)
            }
            Error::Internal(..) => Err(Ended::Close(CloseReason::Internal, Some(notice(error)))),
            error => {
                let name = self.all.get(index).map(|(name, _)| name.clone());
                Ok(name.map(|name| rejected(name, notice(error))))
            }
        }
    }
}

fn event(name: &ClientId, topic: String, item: &Item) -> HubFrame {
    HubFrame::Event(TopicEvent {
        subscription: name.clone(),
        topic,
        cursor: item.event.cursor.clone(),
        body: serde_json::to_value(&item.event).unwrap_or_default(),
    })
}

fn rejected(name: ClientId, notice: ErrorNotice) -> HubFrame {
    let ErrorNotice { code, detail, errors } = notice;
    HubFrame::Rejected(Rejected {
        subject: Subject::Subscription { subscription: name },
        code,
        detail,
        errors,
    })
}
