//! Who lives here, and what they may do.

use hub::{
    delegations::DELEGABLE,
    identity::{Role, claim::mint_code},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::Client;

use super::{PASSWORD, Sample};

impl Sample {
    /// Somebody without a login.
    pub(super) async fn person(&self) -> String {
        let made = self
            .owner
            .post("people", json!({"name": self.text()}))
            .await
            .expect(201);
        made.text("/id").to_owned()
    }

    /// A code for an agent that nobody owns.
    pub(crate) async fn claim_code(&self) -> String {
        let fresh = self.hub.household(&self.text()).await;
        let code = mint_code(&self.hub, fresh.agent).await;
        code.expect("a code can be made").expose_secret().to_owned()
    }

    /// The name of a user who can sign in with the password.
    pub(crate) async fn user_with_password(&self) -> String {
        let body = self.body_of_claim().await;
        let name = body["name"].as_str().expect("a claim has a name").to_owned();
        let claimed = self.rest.nobody().post("/v1/claim", body).await;
        let _ = claimed.expect(201);
        name
    }

    /// Somebody who has signed in with the password.
    pub(crate) async fn somebody(&self) -> Client {
        let body = json!({"name": self.user_with_password().await, "password": PASSWORD});
        let signed_in = self.rest.nobody().post("/v1/sign-in", body).await.expect(200);
        self.rest.bearer(signed_in.text("/access_token"))
    }

    pub(super) async fn body_of_claim(&self) -> Value {
        json!({"code": self.claim_code().await, "name": self.text(), "password": PASSWORD})
    }

    /// An invitation that nobody has accepted: its id and its code.
    pub(crate) async fn invitation(&self) -> (String, String) {
        // Each of a fresh admin's, for nobody has many open.
        let admin = self.hub.home.user(&self.text(), Role::Admin).await;
        let admin = self.rest.user(&admin).await;
        let made = admin
            .post("invitations", json!({"role": "guest"}))
            .await
            .expect(201);
        (
            made.text("/invitation/id").to_owned(),
            made.text("/code").to_owned(),
        )
    }

    /// Ada owns the agent, whoever she passed it on to, and has a password.
    pub(crate) async fn ada_owns_again(&self) {
        let hash = self.hub.passwords.hash(PASSWORD.into()).await;
        let hash = hash.expect("a password can be hashed");
        let (agent, ada) = (self.hub.home.agent, self.ada.id);
        for sql in [
            format!("update hub.users set password_hash = '{hash}' where id = '{ada}'"),
            format!(
                "update hub.memberships set role = 'admin' where agent_id = '{agent}' and role = 'owner'"
            ),
            format!(
                "update hub.memberships set role = 'owner' where agent_id = '{agent}' and user_id = '{ada}'"
            ),
        ] {
            self.hub.sql().execute(&sql).await;
        }
    }

    /// A personal token of somebody's; its id.
    pub(crate) async fn personal_token_of(&self, client: &Client) -> String {
        let new = json!({"name": self.text(), "scopes": ["turns:read"]});
        let made = client.post("tokens", new).await.expect(201);
        made.text("/token/id").to_owned()
    }

    /// A delegation that somebody made; its id.
    pub(crate) async fn delegation_of(&self, client: &Client) -> String {
        let new = json!({"to_service": "calendar-sync", "scopes": ["turns:read"]});
        let made = client.post("delegations", new).await.expect(201);
        made.text("/delegation/id").to_owned()
    }

    /// Somebody of another agent, and a service, who may do all that can be delegated.
    pub(crate) async fn delegates(&self) -> [Client; 2] {
        let scopes: Vec<&str> = DELEGABLE.iter().map(|scope| scope.as_str()).collect();
        let other = self.hub.household(&self.text()).await;
        let friend = other.member(&self.text()).await;
        let [to_agent, to_service] = [
            json!({"to_agent_id": other.agent, "scopes": scopes}),
            json!({"to_service": "calendar-sync", "scopes": scopes}),
        ]
        .map(|new| self.owner.post("delegations", new));
        let (to_agent, to_service) = (to_agent.await.expect(201), to_service.await.expect(201));
        let friend = self.rest.user(&friend).await;
        [
            friend.acting_by(to_agent.text("/secret")),
            self.rest.bearer(to_service.text("/secret")),
        ]
    }
}
