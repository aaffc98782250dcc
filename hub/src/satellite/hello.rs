//! The greeting: a socket before hello is another thing than after it.

use std::sync::{Arc, Mutex};

use secrecy::SecretString;

use super::{
    pace::Pace,
    protocol::{self, ErrorCode, ErrorNotice, Hello, SatelliteFrame},
};
use crate::{
    devices::{Capability, MAX_CAPABILITIES, Sitting, connect::Introduction, is_kind},
    error::Error,
    events::{cursor::Cursor, payload::find_nul},
    hub::Hub,
    identity::{
        Caller, Principal, Scope,
        authorize::authorize,
        credentials::{Proven, authenticate, caller, device_now},
    },
    ids::{DeviceId, SpaceId, TokenId},
};

/// Bytes of a declared schema at most.
const MAX_SCHEMA: usize = 16 * 1024;

/// A device that proved who it is.
#[derive(Debug, Clone)]
pub struct Guest {
    /// As the rest of the hub knows it.
    pub caller: Caller,
    /// The device.
    pub device: DeviceId,
    /// Its credential: the one it came with, or the one it renewed that with.
    token: Arc<Mutex<TokenId>>,
    /// Where it is.
    pub space: SpaceId,
    /// What people call it.
    pub name: String,
    /// How fast it may report what it is like.
    pub(super) pace: Arc<Pace>,
    /// Where its subscriptions go on that name no place of their own.
    pub resume: Option<Cursor>,
}

impl Guest {
    /// What must be alive for its socket.
    #[must_use]
    pub fn sitting(&self) -> Sitting {
        Sitting {
            agent: self.caller.agent,
            device: self.device,
            token: self.token(),
        }
    }

    /// The credential that must be alive for its socket.
    #[must_use]
    pub fn token(&self) -> TokenId {
        *self.token.lock().expect("no panic while held")
    }

    /// It renewed its credential.
    pub(super) fn goes_on_with(&self, token: TokenId) {
        *self.token.lock().expect("no panic while held") = token;
    }

    /// The device as a caller, by what its credential is worth now and not when it said hello.
    pub(super) async fn as_it_is_now(&self, hub: &Hub) -> Result<Caller, Error> {
        let request_id = self.caller.request_id.clone();
        device_now(hub, self.caller.agent, self.token(), request_id).await
    }
}

/// Reads the first frame. Anything but a hello ends the socket.
pub fn read(text: &str) -> Result<Hello, ErrorNotice> {
    match SatelliteFrame::decode(text) {
        Ok(SatelliteFrame::Hello(hello)) => Ok(hello),
        Ok(_) => Err(ErrorNotice {
            code: ErrorCode::Malformed,
            detail: "the first frame must be hello".to_owned(),
            errors: Vec::new(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// Checks the credential, of the upgrade request or of the hello.
pub async fn admit(hub: &Hub, upgrade: Option<SecretString>, hello: &Hello) -> Result<Guest, Error> {
    let token = upgrade.or_else(|| {
        hello
            .token
            .as_ref()
            .map(|token| SecretString::from(token.expose().to_owned()))
    });
    let token = token.ok_or(Error::Unauthenticated("send the device's token"))?;
    let Proven::Device(credential) = authenticate(hub, &token, None).await? else {
        return Err(Error::Unauthenticated(
            "this channel is for devices: send a device's token",
        ));
    };
    let name = credential.device_name.clone();
    let request_id = Some(crate::ids::fresh().to_string());
    let caller = caller(hub, Proven::Device(credential), None, request_id).await?;
    authorize(&caller, Scope::CommandsReceive)
        .or_else(|_| authorize(&caller, Scope::EventsWrite))
        .or_else(|_| authorize(&caller, Scope::StateWrite))?;
    let Principal::Device {
        device, token, space, ..
    } = &caller.principal
    else {
        return Err(Error::internal("a device's credential without a device"));
    };
    let (device, token, space) = (*device, *token, *space);
    let resume = resume(hub, &caller, cursor(hello)?).await?;
    Ok(Guest {
        caller,
        device,
        token: Arc::new(Mutex::new(token)),
        space,
        name,
        pace: Arc::default(),
        resume,
    })
}

/// The place that a hello asks to go on from.
pub fn cursor(hello: &Hello) -> Result<Option<Cursor>, Error> {
    let read =
        |text: &String| Cursor::parse(text).ok_or_else(|| Error::invalid("/resume", "must look like 1:42"));
    hello.resume.as_ref().map(read).transpose()
}

/// The place that a device asks to go on from, if the log goes on from there. Who may not read it is told nothing of it.
async fn resume(hub: &Hub, caller: &Caller, asked: Option<Cursor>) -> Result<Option<Cursor>, Error> {
    if asked.is_none() || authorize(caller, Scope::EventsRead).is_err() {
        return Ok(None);
    }
    let mut tx = hub.db.begin(caller.tx_scope(), caller.actor()).await?;
    let end = tx.events().end().await?;
    Ok(asked.filter(|asked| asked.is_in(end)))
}

/// What the device says of itself, bounded.
pub fn introduction(hello: Hello) -> Result<Introduction, Error> {
    if hello.capabilities.len() > MAX_CAPABILITIES {
        return Err(Error::invalid(
            "/capabilities",
            format!("must be at most {MAX_CAPABILITIES}"),
        ));
    }
    let capabilities: Vec<Capability> = hello
        .capabilities
        .into_iter()
        .enumerate()
        .map(|(at, one)| capability(at, one))
        .collect::<Result<_, _>>()?;
    let software = serde_json::to_value(&hello.software).unwrap_or_default();
    if software.to_string().len() > 1_000 || find_nul(&software, "").is_some() {
        return Err(Error::invalid(
            "/software",
            "must be at most 1000 bytes, without NUL",
        ));
    }
    Ok(Introduction {
        capabilities,
        software: Some(software),
    })
}

fn capability(at: usize, declared: protocol::Capability) -> Result<Capability, Error> {
    let pointer = |field: &str| format!("/capabilities/{at}/{field}");
    if !is_kind(&declared.kind) {
        return Err(Error::invalid(
            pointer("kind"),
            "must have 1 to 100 visible ASCII characters",
        ));
    }
    let arguments_schema = declared.arguments_schema.map(serde_json::Value::Object);
    let is_bounded = arguments_schema
        .as_ref()
        .is_none_or(|schema| schema.to_string().len() <= MAX_SCHEMA && find_nul(schema, "").is_none());
    if !is_bounded {
        return Err(Error::invalid(
            pointer("arguments_schema"),
            "must be at most 16 KiB, without NUL",
        ));
    }
    Ok(Capability {
        kind: declared.kind,
        arguments_schema,
    })
}
