//! Gateways that lie, stall or vanish: that costs a retry where there is another one, and a sentence where there is none.

use crate::world::*;
use lode_attestation::Verdict;
use lode_store::{Attestation, BlobHash, Error};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Other bytes, as many.
    WrongBytes,
    /// A whole answer that is too short.
    Truncated,
    /// Half of it, and the connection breaks; every time.
    Breaks,
    /// Half of it, and then nothing.
    Stalls,
    /// It accepts the connection and never says a word.
    Silent,
    /// It fails.
    Fails,
    /// Half of it, and then nobody is there any more.
    Vanishes,
    /// It goes on and on.
    Endless,
    /// It says that it does not have it.
    Denies,
}

const LIES: [Lie; 9] = [
    Lie::WrongBytes,
    Lie::Truncated,
    Lie::Breaks,
    Lie::Stalls,
    Lie::Silent,
    Lie::Fails,
    Lie::Vanishes,
    Lie::Endless,
    Lie::Denies,
];

/// A gateway that answers every request for these bytes with a lie; its URL, and how many requests it had.
async fn liar(lie: Lie, truth: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match socket.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            count.fetch_add(1, Ordering::Relaxed);
            let head = String::from_utf8(head).unwrap();
            let (wrong, half) = (vec![b'x'; truth.len()], &truth[..truth.len() / 2]);
            let (status, length, body) = match lie {
                Lie::WrongBytes => ("200 OK", truth.len(), wrong.as_slice()),
                Lie::Truncated => ("200 OK", half.len(), half),
                Lie::Endless => ("200 OK", usize::MAX >> 1, truth.as_slice()),
                Lie::Breaks | Lie::Stalls | Lie::Vanishes => ("200 OK", truth.len(), half),
                Lie::Silent | Lie::Fails => ("500 Internal Server Error", 0, &[][..]),
                Lie::Denies => ("404 Not Found", 0, &[][..]),
            };
            // whoever uploads hears of it, or does not
            let status = match head.starts_with("PUT") {
                true if lie != Lie::Denies => "500 Internal Server Error",
                _ => status,
            };
            let hold = tokio::time::sleep(Duration::from_secs(30));
            if lie == Lie::Silent {
                tokio::spawn(async move {
                    hold.await;
                    drop(socket);
                });
                continue;
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
            let _ = socket.write_all(answer.as_bytes()).await;
            if !head.starts_with("HEAD") {
                let _ = socket.write_all(body).await;
            }
            match lie {
                Lie::Stalls => {
                    tokio::spawn(async move {
                        hold.await;
                        drop(socket);
                    });
                }
                Lie::Endless => {
                    tokio::spawn(
                        async move { while socket.write_all(&[b'y'; 4_096]).await.is_ok() {} },
                    );
                }
                Lie::Vanishes => return,
                _ => {}
            }
        }
    });
    (url, asked)
}

#[tokio::test]
async fn with_an_honest_gateway_besides_a_lying_one_costs_a_retry() {
    let world = World::new().await;
    world.accepted().await;
    let blob = BlobHash::of(&world.input);
    for lie in LIES {
        let (url, asked) = liar(lie, world.input.clone()).await;
        let both = client(&[&url, world.client.url()]);
        let to = world.folder.path().join(format!("{lie:?}"));
        let begun = Instant::now();
        both.fetch(blob, BLOB_LIMIT, &to).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(15), "{lie:?}");
        assert_eq!(std::fs::read(&to).unwrap(), world.input, "{lie:?}");
        assert!(asked.load(Ordering::Relaxed) > 0, "{lie:?}");
        let (url, _) = liar(lie, world.module.clone()).await;
        let both = client(&[&url, world.client.url()]);
        let module = BlobHash::of(&world.module);
        assert_eq!(
            both.get(module, 100).await.unwrap(),
            world.module,
            "{lie:?}"
        );
    }
}

#[tokio::test]
async fn a_lying_gateway_alone_is_named_in_a_sentence_and_nothing_is_lost() {
    let world = World::new().await;
    world.accepted().await;
    let blob = BlobHash::of(&world.input);
    for lie in LIES {
        let (url, _) = liar(lie, world.input.clone()).await;
        let to = world.folder.path().join(format!("{lie:?}"));
        let alone = client(&[&url]);
        let error = alone.fetch(blob, BLOB_LIMIT, &to).await.unwrap_err();
        let named = error.to_string().contains(&url);
        match lie {
            Lie::WrongBytes | Lie::Truncated => {
                assert!(matches!(error, Error::WrongHash { .. }), "{lie:?}: {error}");
            }
            Lie::Endless => assert!(matches!(error, Error::TooLarge { .. }), "{error}"),
            Lie::Denies => assert!(error.is_not_found() && named, "{error}"),
            Lie::Fails => assert!(matches!(error, Error::Refused { .. }) && named, "{error}"),
            _ => assert!(
                matches!(error, Error::Unreachable { .. }) && named,
                "{lie:?}: {error}"
            ),
        }
        assert!(!to.exists(), "{lie:?}");
        // an honest one afterwards makes good, also of what was left half
        world.client.fetch(blob, BLOB_LIMIT, &to).await.unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), world.input, "{lie:?}");
    }
}

#[tokio::test]
async fn what_a_broken_gateway_does_not_take_the_next_one_does() {
    let world = World::new().await;
    for lie in [Lie::Fails, Lie::Silent, Lie::Breaks, Lie::Denies] {
        let (url, _) = liar(lie, Vec::new()).await;
        world.name(&[&url, world.client.url()]);
        let both = client(&[&url, world.client.url()]);
        let writer = world.writer(&world.customer);
        for bytes in [&world.spec, &world.module, &world.input] {
            both.put(&writer, bytes.clone()).await.unwrap();
            assert!(world.is_stored(bytes).await, "{lie:?}");
        }
        for bytes in [&world.spec, &world.module, &world.input] {
            world.store.delete(BlobHash::of(bytes)).await.unwrap();
        }
        let alone = client(&[&url]).put(&writer, world.spec.clone()).await;
        let said = alone.unwrap_err().to_string();
        assert!(said.contains(&url), "{lie:?}: {said}");
    }
}

#[tokio::test]
async fn a_forged_attestation_does_not_hide_the_true_one() {
    let world = World::new().await;
    world.sealed(b"receipt").await;
    let forged = Attestation {
        verdict: 2,
        signature: [7; 64].into(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bytes = forged.to_bytes().to_vec();
    let router = axum::Router::new().fallback(move || async move { bytes });
    tokio::spawn(async move { axum::serve(listener, router).await });

    world.name(&[&url, world.client.url()]);
    let both = client(&[&url, world.client.url()]);
    let signed = world.sign(0, Verdict::Match, b"receipt");
    both.put_attestation(&JOB, 0, 0, &signed).await.unwrap();
    // the first one took it and lost it: the other one has it too
    let found = both.attestations(&JOB, 0, 0).await.unwrap();
    assert_eq!(found, [forged, signed]);
}
