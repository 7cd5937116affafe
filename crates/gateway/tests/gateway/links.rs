//! Links of small devices: slow, and cut again and again.

use crate::world::*;
use lode_store::{BlobHash, GatewayClient, Retry, Source};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes a second, each way, as a phone has them by EDGE.
const PACE: u64 = 30_000;
/// A connection is cut when so many bytes went over it.
const CUT: u64 = 70_000;
const SIZE: usize = 250_000;

#[derive(Default)]
struct Counted {
    up: AtomicU64,
    down: AtomicU64,
    connections: AtomicU64,
}

/// Passes bytes on at the link's pace until the connection has carried enough.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
    left: &AtomicU64,
) {
    let mut piece = [0; 1_000];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        tokio::time::sleep(Duration::from_micros(1_000_000 * length as u64 / PACE)).await;
        if left.load(Ordering::Relaxed) < length as u64 {
            return;
        }
        left.fetch_sub(length as u64, Ordering::Relaxed);
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
        count.fetch_add(length as u64, Ordering::Relaxed);
    }
}

/// A link from `front` to a gateway; the client at its other end.
fn link(front: TcpListener, to: &str) -> (GatewayClient, Arc<Counted>) {
    let url = format!("http://{}", front.local_addr().unwrap());
    let to = to.trim_start_matches("http://").to_owned();
    let counted = Arc::new(Counted::default());
    let count = counted.clone();
    tokio::spawn(async move {
        loop {
            let (device, _) = front.accept().await.unwrap();
            let (to, count) = (to.clone(), count.clone());
            tokio::spawn(async move {
                let server = TcpStream::connect(to).await.unwrap();
                count.connections.fetch_add(1, Ordering::Relaxed);
                let (device_in, device_out) = device.into_split();
                let (server_in, server_out) = server.into_split();
                let left = AtomicU64::new(CUT);
                tokio::select! {
                    () = carry(device_in, server_out, &count.up, &left) => {}
                    () = carry(server_in, device_out, &count.down, &left) => {}
                }
            });
        }
    });
    let retry = Retry {
        tries: 4,
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_millis(500),
        ..Retry::default()
    };
    let client = GatewayClient::new(&url).unwrap();
    (client.with_retry(retry), counted)
}

/// What a link carried was the blob, once, and the heads of requests.
fn require_once(carried: u64, counted: &Counted, begun: Instant) {
    let connections = counted.connections.load(Ordering::Relaxed);
    let took = begun.elapsed().as_secs_f64();
    println!("{carried} bytes over {connections} connections in {took:.1} s");
    assert!(connections >= 4, "{connections}");
    // of a cut connection what was under way is lost: a piece of the link, never a part of the blob that was stored
    let most = SIZE as u64 + connections * 4_000;
    assert!((SIZE as u64..most).contains(&carried), "{carried}");
}

#[tokio::test]
async fn an_upload_over_a_slow_link_that_breaks_sends_no_byte_twice() {
    let bytes: Vec<u8> = (0..SIZE).map(|i| (i * i % 253) as u8).collect();
    let world = World::new().await;
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", front.local_addr().unwrap());
    world.name(&[&url]);
    let gateway = world.other(|config| config.url = url).await;
    let (client, counted) = link(front, &gateway.url);
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{SIZE}}},"memory_mib":1,"output_limit":1000}}"#,
        BlobHash::of(&bytes)
    );
    world.change(|job| job.spec = BlobHash::of(spec.as_bytes()).0);
    let writer = world.writer(&world.customer);
    client.put(&writer, spec.into_bytes()).await.unwrap();
    let before = counted.up.load(Ordering::Relaxed);
    let begun = Instant::now();
    let put = client.put(&writer, Source::from(bytes.clone())).await;
    put.unwrap();
    assert!(gateway.has(&bytes).await);
    let carried = counted.up.load(Ordering::Relaxed) - before;
    require_once(carried, &counted, begun);
}

#[tokio::test]
async fn a_download_over_a_slow_link_that_breaks_fetches_no_byte_twice() {
    let bytes: Vec<u8> = (0..SIZE).map(|i| (i * i % 253) as u8).collect();
    let world = World::new().await;
    let file = world.folder.path().join("up");
    std::fs::write(&file, &bytes).unwrap();
    let blob = BlobHash::of(&bytes);
    world.store.put_file(blob, &file).await.unwrap();
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, counted) = link(front, world.client.url());
    let to = world.folder.path().join("down");
    let begun = Instant::now();
    client.fetch(blob, BLOB_LIMIT, &to).await.unwrap();
    assert_eq!(std::fs::read(to).unwrap(), bytes);
    require_once(counted.down.load(Ordering::Relaxed), &counted, begun);
}
