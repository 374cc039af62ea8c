//! What the platform refuses, with the code and members its description gives each error.

mod actions;
mod assortment;
mod attributes;
mod deletions;
mod prices;
mod products;
mod reading;
mod stock;

use super::spec::checker;
use super::*;

/// A call that is refused: the rule, the call, its body, and the error's code and members.
///
/// A call is `POST` of a draft, `UPDATE` with actions at the present version, or `DELETE` at the present version. A text
/// `id:/channels/key=x` in a body or in members stands for the id of that resource.
type Case<'a> = (&'a str, &'a str, Json, &'a str, Json);

impl Shop {
    /// Makes a call as in a [`Case`].
    async fn make(&self, call: &str, body: &Json) -> (u16, Json) {
        let (method, path) = call.split_once(' ').unwrap();
        let body = self.with_ids(body).await;
        match method {
            "POST" => self.call(Method::POST, path, Some(&body)).await,
            "UPDATE" => {
                let (_, now) = self.get(path, &[]).await;
                let body = json!({ "version": now["version"], "actions": body });
                self.call(Method::POST, path, Some(&body)).await
            }
            "DELETE" => {
                let (_, now) = self.get(path, &[]).await;
                self.call(Method::DELETE, &format!("{path}?version={}", now["version"]), None).await
            }
            _ => panic!("{call}"),
        }
    }

    /// Makes a call that is taken, and gives back the resource.
    async fn made(&self, call: &str, body: Json) -> Json {
        let (status, answer) = self.make(call, &body).await;
        assert!(matches!(status, 200 | 201), "{call} {body}: {answer}");
        answer
    }

    async fn with_ids(&self, value: &Json) -> Json {
        let mut text = value.to_string();
        while let Some(start) = text.find("\"id:/") {
            let end = start + 1 + text[start + 1..].find('"').unwrap();
            let (status, resource) = self.get(&text[start + 4..end], &[]).await;
            assert_eq!(status, 200, "{}", &text[start..end]);
            text.replace_range(start..=end, &resource["id"].to_string());
        }
        serde_json::from_str(&text).unwrap()
    }

    /// Makes calls that are each refused as told.
    async fn refuses(&self, cases: &[Case<'_>]) {
        let checker = checker();
        for (rule, call, body, code, members) in cases {
            let (status, answer) = self.make(call, body).await;
            assert_eq!((status, error_code(&answer)), (400, *code), "{rule}: {body}: {answer}");
            let error = &answer["errors"][0];
            for (name, value) in self.with_ids(members).await.as_object().unwrap() {
                assert_eq!(&error[name], value, "{rule}: {name} of {error}");
            }
            if let Some(checker) = checker {
                checker.assert(error, &format!("{code}Error"));
            }
        }
    }
}
