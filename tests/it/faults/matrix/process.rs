//! The device's process: its socket, its tasks, and its end by `kill -9`.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use hub::satellite::protocol::{
    Capability, Command, CommandProgress, Hello, HubFrame, SUBPROTOCOL, SatelliteFrame,
};
use tokio::{
    net::TcpStream,
    sync::{Mutex as AsyncMutex, Notify},
    time::sleep,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    device::{Conversation, Deed, Device},
    story::{How, KIND, told_to_take},
};

/// How long before it connects again.
const AGAIN: Duration = Duration::from_millis(60);
/// How long before it says again what was put off.
const REPEATS: Duration = Duration::from_millis(300);
/// Between what a command does and the note that it was done.
const TORN: Duration = Duration::from_millis(3);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What its processes share: the disk, and one hello at a time.
pub(super) struct Shared {
    device: Mutex<Device>,
    /// What was not said yet by the process that lives.
    fresh: Mutex<Vec<SatelliteFrame>>,
    has_fresh: Notify,
    greeting: AsyncMutex<()>,
    token: String,
}

/// A process of the device. Dropping it kills it.
pub(super) struct Process {
    link: Link,
    /// The sockets that it keeps open, oldest first.
    sockets: VecDeque<CancellationToken>,
}

impl Shared {
    pub(super) fn new(token: String) -> Arc<Self> {
        Arc::new(Self {
            device: Mutex::default(),
            fresh: Mutex::default(),
            has_fresh: Notify::new(),
            greeting: AsyncMutex::new(()),
            token,
        })
    }

    /// The device.
    pub(super) fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap()
    }

    /// Says something as soon as the hub listens.
    pub(super) fn says(&self, frame: SatelliteFrame) {
        self.fresh.lock().unwrap().push(frame);
        self.has_fresh.notify_one();
    }

    fn take_fresh(&self) -> Vec<SatelliteFrame> {
        std::mem::take(&mut self.fresh.lock().unwrap())
    }
}

impl Process {
    /// Starts with what is on the disk.
    pub(super) fn start(shared: &Arc<Shared>, url: &str) -> Self {
        let link = Link {
            shared: Arc::clone(shared),
            url: url.to_owned(),
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
        };
        let mut process = Self {
            link,
            sockets: VecDeque::new(),
        };
        process.opens();
        process
    }

    /// One socket more, which it keeps open beside the others.
    pub(super) fn opens(&mut self) {
        let (link, life) = (self.link.clone(), self.link.end.child_token());
        self.sockets.push_back(life.clone());
        self.link.tasks.spawn(async move {
            tokio::select! { () = link.run() => {}, () = life.cancelled() => {} }
            // What was said on it may not have arrived, and another that is open is not greeted again.
            link.shared.device().must_repeat = true;
        });
    }

    /// How many it keeps open.
    pub(super) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// Lets go of the oldest socket.
    pub(super) fn lets_go(&mut self) {
        if let Some(oldest) = self.sockets.pop_front() {
            oldest.cancel();
        }
    }

    /// Ends it wherever it is. Nothing of it runs when this returns.
    pub(super) async fn kill(self) {
        self.link.end.cancel();
        self.link.tasks.close();
        self.link.tasks.wait().await;
        self.link.shared.take_fresh();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.link.end.cancel();
    }
}

#[derive(Clone)]
struct Link {
    shared: Arc<Shared>,
    url: String,
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Link {
    async fn run(&self) {
        loop {
            self.live().await;
            sleep(AGAIN).await;
        }
    }

    /// One socket, from hello to its end.
    async fn live(&self) {
        let mut on = Conversation::new();
        let greeted = {
            let _one = self.shared.greeting.lock().await;
            self.greet(&mut on).await
        };
        if let Some(stream) = greeted {
            self.converse(stream, on).await;
        }
    }

    /// Says hello and waits for the answer.
    async fn greet(&self, on: &mut Conversation) -> Option<Stream> {
        let mut stream = self.connect().await?;
        let kinds = [KIND, "display.show"].map(|kind| Capability {
            kind: kind.to_owned(),
            arguments_schema: None,
        });
        let hello = Hello {
            capabilities: kinds.into(),
            ..Hello::default()
        };
        let hello = SatelliteFrame::Hello(hello).encode();
        stream.send(Message::text(hello)).await.ok()?;
        while !on.is_welcome() {
            let message = stream.next().await?.ok()?;
            self.hear(&mut stream, on, message).await?;
        }
        Some(stream)
    }

    async fn connect(&self) -> Option<Stream> {
        let mut request = self.url.as_str().into_client_request().unwrap();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.shared.token)).unwrap();
        request.headers_mut().insert("authorization", bearer);
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        self.is_at("connecting");
        match connect_async(request).await {
            Ok((stream, _)) => {
                self.is_at("greeting");
                Some(stream)
            }
            Err(error) => {
                self.is_at(&format!("refused: {error}"));
                None
            }
        }
    }

    fn is_at(&self, stage: &str) {
        stage.clone_into(&mut self.shared.device().stage);
    }

    async fn converse(&self, mut stream: Stream, mut on: Conversation) {
        self.is_at("connected");
        loop {
            let went_on = tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(message)) => self.hear(&mut stream, &mut on, message).await,
                    Some(Err(_)) | None => None,
                },
                () = self.shared.has_fresh.notified() => self.say(&mut stream, &mut on, self.shared.take_fresh()).await,
                () = sleep(REPEATS) => {
                    let again = self.shared.device().repeats();
                    self.say(&mut stream, &mut on, again).await
                }
            };
            if went_on.is_none() {
                self.is_at("cut off");
                return;
            }
        }
    }

    /// None when the socket has ended.
    async fn hear(&self, stream: &mut Stream, on: &mut Conversation, message: Message) -> Option<()> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return None,
            _ => return Some(()),
        };
        let frame = HubFrame::decode(&text).expect("the hub speaks its own protocol");
        self.shared.device().frames.1 += 1;
        let deeds = self.shared.device().hears(on, frame);
        let mut to_say = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Say(frame) => to_say.push(frame),
                Deed::Start(command) => self.start(command),
            }
        }
        self.say(stream, on, to_say).await
    }

    async fn say(
        &self,
        stream: &mut Stream,
        on: &mut Conversation,
        frames: Vec<SatelliteFrame>,
    ) -> Option<()> {
        for frame in frames {
            if self.shared.device().is_stale(&frame) {
                continue;
            }
            self.shared.device().frames.0 += 1;
            self.shared.device().about_to_say(on, &frame);
            stream.send(Message::text(frame.encode())).await.ok()?;
        }
        Some(())
    }

    /// Carries out a command beside the socket, until the process ends.
    fn start(&self, command: Command) {
        let (shared, life) = (Arc::clone(&self.shared), self.end.clone());
        self.tasks.spawn(async move {
            tokio::select! { () = carry_out(&shared, command) => {}, () = life.cancelled() => {} }
        });
    }
}

async fn carry_out(shared: &Shared, command: Command) {
    let takes = told_to_take(&command.arguments);
    sleep(takes / 2).await;
    if How::told(&command.arguments) == How::Reports {
        shared.says(SatelliteFrame::CommandProgress(CommandProgress {
            command_id: command.command_id,
            percent: Some(50),
            note: None,
        }));
    }
    sleep(takes / 2).await;
    let is_done = shared.device().effect(&command);
    sleep(TORN).await;
    let answer = shared.device().ends(&command, is_done);
    if let Some(answer) = answer {
        shared.says(answer);
    }
}
