//! Where secrets are kept outside: parameters of SSM, and Secrets Manager.

use std::{fmt, str::FromStr};

use aws_config::SdkConfig;
use secrecy::SecretString;
use serde_json::Value;

use super::aws::Fault;

/// Where one secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A parameter of SSM.
    Parameter(String),
    /// A secret of Secrets Manager.
    Secret {
        /// Its name or ARN.
        id: String,
        /// Which string of it, where it is a JSON object, as RDS keeps it.
        field: Option<String>,
    },
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = match text.split_once(':') {
            Some(("arn", rest)) => (rest.split(':').nth(1).unwrap_or_default(), text),
            Some((kind, name)) => (kind, name),
            None => ("", text),
        };
        let is_name = !name.is_empty() && name.len() <= 2_048 && name.bytes().all(|b| b.is_ascii_graphic());
        match (is_name, kind) {
            (true, "ssm") => Ok(Self::Parameter(name.to_owned())),
            (true, "secretsmanager") => {
                let (id, field) = match name.split_once('#') {
                    Some((id, field)) => (id, Some(field.to_owned())),
                    None => (name, None),
                };
                let id = id.to_owned();
                Ok(Self::Secret { id, field })
            }
            _ => Err("must be ssm:NAME, secretsmanager:NAME, secretsmanager:NAME#FIELD or an ARN of either"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Secret { id, field: None } => write!(f, "secretsmanager:{id}"),
            Self::Secret {
                id,
                field: Some(field),
            } => write!(f, "secretsmanager:{id}#{field}"),
        }
    }
}

/// The way to both.
#[derive(Debug, Clone)]
pub struct Secrets {
    ssm: aws_sdk_ssm::Client,
    manager: aws_sdk_secretsmanager::Client,
}

impl Secrets {
    /// The way to both. Nothing is asked yet.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self {
            ssm: aws_sdk_ssm::Client::new(sdk),
            manager: aws_sdk_secretsmanager::Client::new(sdk),
        }
    }

    /// A secret as it is now.
    pub async fn get(&self, source: &Source) -> Result<SecretString, Fault> {
        match source {
            Source::Parameter(name) => self.parameter(name).await,
            Source::Secret { id, field } => self.secret(id, field.as_deref()).await,
        }
    }

    async fn parameter(&self, name: &str) -> Result<SecretString, Fault> {
        let asked = self.ssm.get_parameter().name(name).with_decryption(true);
        let answer = asked.send().await.map_err(|error| Fault::of(&error))?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        value
            .map(SecretString::from)
            .ok_or_else(|| refused("it has no value"))
    }

    async fn secret(&self, id: &str, field: Option<&str>) -> Result<SecretString, Fault> {
        let asked = self.manager.get_secret_value().secret_id(id);
        let answer = asked.send().await.map_err(|error| Fault::of(&error))?;
        let text = answer.secret_string.ok_or_else(|| refused("it is not a text"))?;
        let Some(field) = field else {
            return Ok(SecretString::from(text));
        };
        // What does not parse is not shown: it is the secret.
        let object: Value = serde_json::from_str(&text).map_err(|_| refused("it is not a JSON object"))?;
        match object.get(field) {
            Some(Value::String(text)) => Ok(SecretString::from(text.clone())),
            Some(Value::Number(number)) => Ok(SecretString::from(number.to_string())),
            _ => Err(refused("its JSON object has no text of that name")),
        }
    }
}

fn refused(message: &str) -> Fault {
    Fault::Refused {
        code: "unusable".to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_says_where_it_is() {
        for text in [
            "ssm:/agent-hub/env",
            "secretsmanager:agent-hub/openai",
            "secretsmanager:rds!cluster-1#password",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        let arn = "arn:aws:secretsmanager:eu-central-1:1:secret:db-AbCdEf";
        let source: Source = format!("{arn}#password").parse().unwrap();
        let (id, field) = (arn.to_owned(), Some("password".to_owned()));
        assert_eq!(source, Source::Secret { id, field });
        let arn = "arn:aws:ssm:eu-central-1:1:parameter/agent-hub/env";
        assert_eq!(arn.parse(), Ok(Source::Parameter(arn.to_owned())));
        for bad in [
            "",
            "/agent-hub/env",
            "ssm:",
            "s3:bucket",
            "ssm:a b",
            "arn:aws:s3:::bucket",
            "arn:",
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }
}
