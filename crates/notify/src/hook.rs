//! Telling: a queue, a command, a webhook.

use crate::{Error, Event};
use serde::Serialize;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::{Host, Url};

/// Notices that wait; more are dropped, and counted.
const QUEUE: usize = 256;
/// How long a command may take, and an answer of a server.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pauses between tries of a webhook.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// What is waiting when an agent ends has so long to go out.
const LAST_WORDS: Duration = Duration::from_secs(15);

/// Where notices go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    command: Option<String>,
    webhook: Option<Url>,
    /// How long each may take.
    timeout: Option<Duration>,
}

/// What stands around an event.
#[derive(Clone, Debug, Serialize)]
struct Notice {
    /// Of this layout.
    v: u32,
    /// Two notices with the same one are the same.
    id: String,
    /// When it was told, unix seconds of this machine.
    time: u64,
    /// Who tells: `node`, `oracle`, `job`.
    from: &'static str,
    /// Its version.
    lode: &'static str,
    #[serde(flatten)]
    event: Event,
}

/// What an agent tells. Cheap to clone; without a hook nothing is told, and nothing is done to find out what to tell.
#[derive(Clone, Debug, Default)]
pub struct Notices(Option<Sender>);

#[derive(Clone, Debug)]
struct Sender {
    from: &'static str,
    to: mpsc::Sender<Notice>,
    dropped: Arc<AtomicU64>,
    /// With the process's own start: no two notices of a machine have the same number.
    number: Arc<AtomicU64>,
    started: u128,
}

/// Brings notices to their hook.
#[derive(Debug)]
pub struct Delivery(JoinHandle<()>);

impl Notices {
    /// Somebody listens. What costs a request to find out is found out only then.
    pub fn are_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Tells an event. Never waits: where the queue is full, the event is lost and the log says so.
    pub fn tell(&self, event: Event) {
        let Some(sender) = &self.0 else { return };
        let kind = event.kind();
        let number = sender.number.fetch_add(1, Ordering::Relaxed);
        let notice = Notice {
            v: 1,
            id: format!("{:x}-{}-{number}", sender.started, std::process::id()),
            time: since_epoch().as_secs(),
            from: sender.from,
            lode: env!("CARGO_PKG_VERSION"),
            event,
        };
        if sender.to.try_send(notice).is_err() {
            let dropped = sender.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                event = kind,
                dropped = dropped + 1,
                "too many notices wait for the command or the webhook: this one is not told"
            );
        }
    }
}

fn since_epoch() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default()
}

impl Hook {
    /// A hook of a command, which a shell runs, or a webhook, or both; none of them is a hook that tells nobody.
    ///
    /// # Errors
    /// [`Error::Webhook`] for a URL that is neither https nor of this machine.
    pub fn new(command: Option<String>, webhook: Option<&str>) -> Result<Self, Error> {
        Ok(Self {
            command,
            webhook: webhook.map(address).transpose()?,
            timeout: None,
        })
    }

    /// Starts to deliver what an agent of a kind (`node`, `oracle`, `job`) tells. A delivery ends when all clones of its
    /// notices are gone and what waited is out.
    ///
    /// # Errors
    /// [`Error::Connections`].
    pub fn start(self, from: &'static str) -> Result<(Notices, Delivery), Error> {
        if self.command.is_none() && self.webhook.is_none() {
            return Ok((Notices::default(), Delivery(tokio::spawn(async {}))));
        }
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        let http = reqwest::Client::builder()
            .timeout(timeout)
            // a server that sends us elsewhere could send us where no notice may go
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("lode/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Connections(error.to_string()))?;
        let (to, mut waiting) = mpsc::channel::<Notice>(QUEUE);
        let sender = Sender {
            from,
            to,
            dropped: Arc::default(),
            number: Arc::default(),
            started: since_epoch().as_nanos(),
        };
        let delivery = tokio::spawn(async move {
            while let Some(notice) = waiting.recv().await {
                let kind = notice.event.kind();
                let text = match serde_json::to_string(&notice) {
                    Ok(text) => text,
                    Err(error) => {
                        tracing::error!(event = kind, %error, "this notice cannot be written");
                        continue;
                    }
                };
                let command = async {
                    if let Some(command) = &self.command {
                        if let Err(reason) = call(command, kind, &text, timeout).await {
                            tracing::warn!(
                                event = kind,
                                reason,
                                "the command of --on-event failed"
                            );
                        }
                    }
                };
                let webhook = async {
                    if let Some(url) = &self.webhook {
                        if let Err(reason) = post(&http, url, &text).await {
                            tracing::warn!(event = kind, reason, "the webhook was not told");
                        }
                    }
                };
                tokio::join!(command, webhook);
            }
        });
        Ok((Notices(Some(sender)), Delivery(delivery)))
    }
}

impl Delivery {
    /// Waits until what was told is out, a little while at most. All clones of the notices must be gone by then.
    pub async fn finish(mut self) {
        let ended = tokio::time::timeout(LAST_WORDS, &mut self.0).await;
        if ended.is_err() {
            tracing::warn!("what still waits for the command or the webhook is not told");
            self.0.abort();
        }
    }
}

/// Notices go to this machine or out encrypted.
fn address(text: &str) -> Result<Url, Error> {
    let wrong = || Error::Webhook(text.to_string());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err(wrong()),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(wrong()),
    }
}

/// Runs the command once: whether a second time would do the same thing twice, only its author knows.
async fn call(command: &str, kind: &str, text: &str, timeout: Duration) -> Result<(), String> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("LODE_EVENT", text)
        .env("LODE_EVENT_KIND", kind)
        .stdin(Stdio::piped())
        // an agent's output is for programs that read it
        .stdout(Stdio::null())
        // of its own, so that what it starts ends with it, and ctrl-c at the agent does not end it
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the shell does not start: {error}"))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let stdin = child.stdin.take();
    let talk = async {
        if let Some(mut stdin) = stdin {
            // a command that reads nothing has all it wants
            let _ = stdin.write_all(text.as_bytes()).await;
            let _ = stdin.write_all(b"\n").await;
        }
        child.wait().await
    };
    match tokio::time::timeout(timeout, talk).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            if let Some(group) = group {
                // SAFETY: a signal to the group of a child that was not waited for, whose number is still its own.
                unsafe { libc::kill(-group, libc::SIGKILL) };
            }
            let _ = child.wait().await;
            Err(format!(
                "it took longer than {} s and was ended",
                timeout.as_secs_f32()
            ))
        }
    }
}

/// Posts a notice until a server takes it, or says that it never will.
async fn post(http: &reqwest::Client, url: &Url, text: &str) -> Result<(), String> {
    let mut pauses = PAUSES.iter();
    loop {
        let request = http
            .post(url.clone())
            .header("content-type", "application/json")
            .body(text.to_string());
        let (reason, again) = match request.send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => {
                let status = answer.status();
                let later = status.is_server_error() || status.as_u16() == 429;
                (format!("it answers {status}"), later)
            }
            // the address may carry a secret
            Err(error) => (error.without_url().to_string(), true),
        };
        match pauses.next() {
            Some(pause) if again => tokio::time::sleep(*pause).await,
            _ => return Err(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Attempt;
    use axum::extract::State;
    use axum::http::StatusCode;
    use axum::routing::post;
    use serde_json::Value;
    use solana_address::Address;
    use std::path::Path;
    use std::sync::Mutex;
    use std::time::Instant;

    fn event(units: u64) -> Event {
        let of = Attempt {
            job: Address::new_from_array([1; 32]),
            attempt: 0,
            market: Address::new_from_array([2; 32]),
            node: Address::new_from_array([3; 32]),
        };
        Event::JobDone { of, units }
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn hook(command: Option<String>, webhook: Option<&str>, seconds: u64) -> Hook {
        let mut hook = Hook::new(command, webhook).unwrap();
        hook.timeout = Some(Duration::from_secs(seconds));
        hook
    }

    #[tokio::test]
    async fn a_command_gets_each_event_once_in_order_on_stdin_and_in_its_environment() {
        let folder = tempfile::tempdir().unwrap();
        let (stdin, environment) = (folder.path().join("in"), folder.path().join("env"));
        let command = format!(
            r#"cat >> '{}'; printf '%s\n' "$LODE_EVENT" >> '{}'; test "$LODE_EVENT_KIND" = job_done"#,
            stdin.display(),
            environment.display()
        );
        let (notices, delivery) = hook(Some(command), None, 10).start("node").unwrap();
        assert!(notices.are_heard());
        for units in 0..3 {
            notices.tell(event(units));
        }
        drop(notices);
        delivery.finish().await;
        let told = lines(&stdin);
        assert_eq!(told, lines(&environment));
        let units: Vec<u64> = told.iter().map(|n| n["units"].as_u64().unwrap()).collect();
        assert_eq!(units, [0, 1, 2]);
        let first = &told[0];
        assert_eq!(
            (&first["event"], &first["from"], &first["v"]),
            (&"job_done".into(), &"node".into(), &1.into())
        );
        assert!(first["time"].as_u64().unwrap() > 1_700_000_000);
        assert_ne!(first["id"], told[1]["id"]);
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_that_it_started_and_the_next_event_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let done = folder.path().join("done");
        // the child of the first event holds the pipe open and would write late
        let command = format!(
            "read line; case $line in *'\"units\":0'*) (sleep 10; echo late > '{0}.late') & sleep 60;; *) echo \"$line\" >> '{0}';; esac",
            done.display()
        );
        let (notices, delivery) = hook(Some(command), None, 3).start("node").unwrap();
        let begun = Instant::now();
        notices.tell(event(0));
        notices.tell(event(1));
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "telling never waits"
        );
        drop(notices);
        delivery.finish().await;
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(lines(&done)[0]["units"], 1);
        tokio::time::sleep(Duration::from_secs(12).saturating_sub(begun.elapsed())).await;
        assert!(!folder.path().join("done.late").exists());
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_never_blocks() {
        let (notices, delivery) = hook(Some("sleep 60".into()), None, 60)
            .start("node")
            .unwrap();
        let begun = Instant::now();
        for units in 0..2_000 {
            notices.tell(event(units));
        }
        assert!(begun.elapsed() < Duration::from_secs(1));
        let dropped = notices.0.as_ref().unwrap().dropped.load(Ordering::Relaxed);
        assert!(
            (2_000 - QUEUE as u64 - 1..=2_000 - QUEUE as u64).contains(&dropped),
            "{dropped}"
        );
        delivery.0.abort();
    }

    /// What a server got, and what it answers: each status once, then 200.
    type Seen = Arc<Mutex<(Vec<Value>, Vec<u16>)>>;

    async fn server(answers: &[u16]) -> (String, Seen) {
        let seen: Seen = Arc::new(Mutex::new((Vec::new(), answers.to_vec())));
        let take = |State(seen): State<Seen>, axum::Json(body): axum::Json<Value>| async move {
            let mut seen = seen.lock().unwrap();
            seen.0.push(body);
            let status = if seen.1.is_empty() {
                200
            } else {
                seen.1.remove(0)
            };
            (
                StatusCode::from_u16(status).unwrap(),
                [("location", "/elsewhere")],
            )
        };
        let router = axum::Router::new()
            .route("/hook", post(take))
            .with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, seen)
    }

    #[tokio::test]
    async fn a_webhook_is_tried_again_while_its_server_fails_and_gets_the_same_notice() {
        let (url, seen) = server(&[503, 429]).await;
        let (notices, delivery) = hook(None, Some(&url), 5).start("oracle").unwrap();
        notices.tell(event(7));
        drop(notices);
        delivery.finish().await;
        let got = &seen.lock().unwrap().0;
        assert_eq!(got.len(), 3);
        assert!(got.iter().all(|notice| notice == &got[0]));
        assert_eq!(
            (&got[0]["units"], &got[0]["from"]),
            (&7.into(), &"oracle".into())
        );
    }

    #[tokio::test]
    async fn what_a_server_refuses_or_sends_elsewhere_is_not_tried_again() {
        for status in [404, 302] {
            let (url, seen) = server(&[status]).await;
            let (notices, delivery) = hook(None, Some(&url), 5).start("node").unwrap();
            notices.tell(event(1));
            notices.tell(event(2));
            drop(notices);
            delivery.finish().await;
            let got = &seen.lock().unwrap().0;
            let units: Vec<_> = got.iter().map(|n| n["units"].as_u64().unwrap()).collect();
            assert_eq!(units, [1, 2], "{status}");
        }
    }

    #[test]
    fn only_encrypted_addresses_and_those_of_this_machine_are_called() {
        for good in [
            "https://example.org/x?token=1",
            "http://127.0.0.1:1/",
            "http://[::1]:9/x",
            "http://localhost/x",
        ] {
            assert!(Hook::new(None, Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "http://example.org",
            "http://10.0.0.1/",
            "http://localhost.example.org/",
            "http://127.0.0.1.example.org/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
        ] {
            let said = Hook::new(None, Some(bad)).unwrap_err().to_string();
            assert!(said.contains("https://"), "{said}");
        }
    }

    #[tokio::test]
    async fn without_a_hook_nobody_is_told() {
        let (notices, delivery) = Hook::new(None, None).unwrap().start("node").unwrap();
        assert!(!notices.are_heard());
        notices.tell(event(1));
        delivery.finish().await;
    }
}
