//! The server that Prometheus and a watchdog ask: `/metrics` and `/health`, on this machine alone.

use crate::{Error, Telemetry};
use axum::extract::State;
use axum::http::{header, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::Router;
use serde_json::json;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Reads `127.0.0.1:9100`, `[::1]:9100` or a port alone; refuses what others could reach.
///
/// # Errors
/// A sentence for whoever typed it.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let at: SocketAddr = match text.parse::<u16>() {
        Ok(port) => ([127, 0, 0, 1], port).into(),
        Err(_) => text
            .replace("localhost:", "127.0.0.1:")
            .parse()
            .map_err(|_| {
                format!("`{text}` is no address: give a port, or 127.0.0.1 and a port such as 127.0.0.1:9100")
            })?,
    };
    only_here(at).map_err(|error| error.to_string())
}

fn only_here(at: SocketAddr) -> Result<SocketAddr, Error> {
    if at.ip().is_loopback() {
        Ok(at)
    } else {
        Err(Error::NotLoopback(at))
    }
}

/// Takes a port of this machine alone, so that a taken one is known before the agent starts.
///
/// # Errors
/// [`Error::NotLoopback`], [`Error::Listen`].
pub async fn listen(at: SocketAddr) -> Result<TcpListener, Error> {
    let at = only_here(at)?;
    let listening = TcpListener::bind(at).await;
    listening.map_err(|source| Error::Listen { at, source })
}

/// Answers until `stop` is cancelled.
///
/// # Errors
/// [`Error::Server`].
pub async fn serve(
    listener: TcpListener,
    telemetry: Telemetry,
    stop: CancellationToken,
) -> Result<(), Error> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .with_state(telemetry);
    // an answer is a few lines: nobody who still reads one may keep the agent from ending
    tokio::select! {
        served = async { axum::serve(listener, router).await } => Ok(served?),
        () = stop.cancelled() => Ok(()),
    }
}

async fn metrics(State(telemetry): State<Telemetry>) -> impl IntoResponse {
    let well = telemetry.health.complaints().is_empty();
    telemetry
        .metrics
        .gauge("lode_healthy", "1 when every part of the agent is well")
        .set(f64::from(u8::from(well)));
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], telemetry.metrics.text())
}

async fn health(State(telemetry): State<Telemetry>) -> impl IntoResponse {
    let complaints = telemetry.health.complaints();
    let status = if complaints.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let wrong: serde_json::Map<_, _> = complaints
        .into_iter()
        .map(|(part, reason)| (part.to_owned(), json!(reason)))
        .collect();
    let said = json!({ "healthy": wrong.is_empty(), "wrong": wrong });
    (status, axum::Json(said))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_addresses_of_this_machine_are_taken() {
        assert_eq!(loopback("9100").unwrap().to_string(), "127.0.0.1:9100");
        assert_eq!(loopback("localhost:1").unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(loopback("[::1]:9100").unwrap().port(), 9_100);
        for wrong in ["0.0.0.0:9100", "[::]:9100", "10.1.2.3:9100"] {
            assert!(loopback(wrong).unwrap_err().contains("127.0.0.1"));
        }
        for wrong in ["", "port", "127.0.0.1", "70000"] {
            assert!(loopback(wrong).unwrap_err().contains("no address"));
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_and_one_for_all_to_see_are_refused_at_start() {
        let first = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let taken = listen(first.local_addr().unwrap()).await.unwrap_err();
        assert!(matches!(taken, Error::Listen { .. }), "{taken}");
        let open = listen("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
        assert!(matches!(open, Error::NotLoopback(_)), "{open}");
    }

    #[tokio::test]
    async fn health_and_metrics_are_told_until_it_is_stopped() {
        let telemetry = Telemetry::new("test");
        telemetry.metrics.counter("a_total", "A").inc();
        telemetry.health.ill("chain", "away");
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, telemetry.clone(), stop.clone()));
        let ask = async |path: &str| {
            let answer = reqwest::get(format!("{at}{path}")).await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let (status, said) = ask("/health").await;
        assert_eq!(status, 503);
        assert_eq!(said, r#"{"healthy":false,"wrong":{"chain":"away"}}"#);
        let (_, text) = ask("/metrics").await;
        assert!(text.contains("\nlode_healthy 0\n"), "{text}");
        assert!(text.contains("\na_total 1\n"), "{text}");
        assert!(text.contains(r#"lode_build_info{agent="test","#), "{text}");
        telemetry.health.well("chain", Duration::from_secs(9));
        assert_eq!(ask("/health").await.0, 200);
        assert!(ask("/metrics").await.1.contains("\nlode_healthy 1\n"));
        assert_eq!(ask("/").await.0, 404);
        stop.cancel();
        server.await.unwrap().unwrap();
    }
}
