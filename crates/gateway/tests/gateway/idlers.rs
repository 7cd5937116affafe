//! Senders that take their time: they hold up nobody but themselves.

use crate::world::*;
use lode_attestation::Verdict;
use lode_store::{unix_now, BlobHash, PutRequest, Retry};
use solana_keypair::Keypair;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than wait at the same time where each has to be served.
const MANY: usize = 100;

/// Opens a request that says what is to come, and then nothing.
async fn idle(world: &World, path: &str, header: &str, length: usize) -> TcpStream {
    let at = world.client.url().trim_start_matches("http://");
    let mut socket = TcpStream::connect(at).await.unwrap();
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: x\r\n{header}content-length: {length}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// A header of this key for a blob of the world's job.
fn signed(world: &World, signer: &Keypair, blob: BlobHash) -> String {
    let request = PutRequest {
        url: world.client.url(),
        job: JOB,
        attempt: world.job().attempt,
        blob,
        expires: unix_now() + 60,
    };
    let signed = request.sign(signer).unwrap().to_header();
    format!("authorization: {signed}\r\n")
}

#[tokio::test]
async fn whoever_may_not_write_keeps_nobody_from_writing() {
    let world = World::new().await;
    let receipt = b"receipt";
    world.sealed(receipt).await;
    let once = world.client.clone().with_retry(Retry {
        tries: 1,
        ..Retry::default()
    });
    let blob = BlobHash::of(b"output");
    let strangers = signed(&world, &world.stranger, blob);
    let (attest, put) = (format!("/attest/{JOB}/0/1"), format!("/blobs/{blob}"));
    for (seat, path, header, length) in [
        (0, &attest, "", 65),
        (1, &put, "", 6),
        (2, &put, &*strangers, 6),
    ] {
        let mut idlers = Vec::new();
        for _ in 0..MANY {
            idlers.push(idle(&world, path, header, length).await);
        }
        // they have all been heard
        tokio::time::sleep(Duration::from_millis(300)).await;
        let output = vec![seat; 10];
        let writer = world.writer(&world.worker);
        once.put(&writer, output).await.unwrap();
        let verdict = world.sign(seat, Verdict::Match, receipt);
        let put = once.put_attestation(&JOB, 0, seat, &verdict).await;
        put.unwrap();
    }
}

#[tokio::test]
async fn who_may_write_and_sends_nothing_holds_up_himself() {
    let world = World::new().await;
    let inputs: Vec<Vec<u8>> = (0..MANY).map(|n| format!("{n:9}").into_bytes()).collect();
    let named: Vec<String> = inputs
        .iter()
        .enumerate()
        .map(|(n, input)| {
            let blob = BlobHash::of(input);
            format!(r#"{{"path":"{n}","sha256":"{blob}","size":9}}"#)
        })
        .collect();
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":6}},"inputs":[{}],"memory_mib":1,"output_limit":{OUTPUT_LIMIT}}}"#,
        BlobHash::of(&world.module),
        named.join(",")
    );
    world.change(|job| job.spec = BlobHash::of(spec.as_bytes()).0);
    for bytes in [spec.as_bytes(), &world.module] {
        world.put(&world.customer, bytes).await.unwrap();
    }
    world.change(|job| {
        job.state = lode_jobs::state::JobState::Accepted as u8;
        job.node = NODE;
    });
    let mut idlers = Vec::new();
    for input in &inputs {
        let blob = BlobHash::of(input);
        let header = signed(&world, &world.customer, blob);
        idlers.push(idle(&world, &format!("/blobs/{blob}"), &header, 9).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let once = Retry {
        tries: 1,
        ..Retry::default()
    };
    let client = world.client.clone().with_retry(once);
    let worker = world.writer(&world.worker);
    client.put(&worker, b"output".to_vec()).await.unwrap();
    // the others he has to finish first
    let customer = world.writer(&world.customer);
    let put = client.put(&customer, inputs[MANY - 1].clone()).await;
    assert_eq!(status(put), 429);
    drop(idlers);
    let put = async || {
        while world.put(&world.customer, &inputs[MANY - 1]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let put = tokio::time::timeout(Duration::from_secs(20), put()).await;
    put.unwrap();
}

#[tokio::test]
async fn an_attestation_that_does_not_come_is_not_waited_for() {
    let world = World::new().await;
    let mut idler = idle(&world, &format!("/attest/{JOB}/0/1"), "", 65).await;
    let mut answer = [0; 12];
    let read = idler.read_exact(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(20), read).await;
    read.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}
