//! Blobs in a bucket. Needs a server that speaks S3, which `LODE_TEST_S3` names (`s3://BUCKET`), with the variables of
//! the back end beside it: `AWS_ENDPOINT`, `AWS_ALLOW_HTTP`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`.
#![allow(clippy::unwrap_used)]

use futures_util::TryStreamExt;
use lode_store::{Attestation, BlobHash, BlobStore};
use object_store::GetRange;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// A folder of its own in the bucket.
fn bucket() -> (String, BlobStore) {
    let bucket = std::env::var("LODE_TEST_S3").unwrap();
    let address = format!("{bucket}/{}", Keypair::new().pubkey());
    let store = BlobStore::at(&address).unwrap();
    (address, store)
}

async fn put(store: &BlobStore, bytes: &[u8]) -> BlobHash {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let blob = BlobHash::of(bytes);
    store.put_file(blob, file.path()).await.unwrap();
    blob
}

#[tokio::test]
#[ignore = "needs a server that speaks S3, which LODE_TEST_S3 names"]
async fn a_bucket_keeps_blobs_as_a_folder_does() {
    let (address, store) = bucket();
    // empty, small, and in several parts
    let large: Vec<u8> = (0..20_000_000u32).map(|i| (i % 251) as u8).collect();
    for bytes in [&b""[..], b"lode", &large] {
        let blob = BlobHash::of(bytes);
        assert_eq!(store.size(blob).await.unwrap(), None);
        assert_eq!(store.is_whole(blob).await.unwrap(), None);
        put(&store, bytes).await;
        assert_eq!(store.size(blob).await.unwrap(), Some(bytes.len() as u64));
        assert_eq!(store.is_whole(blob).await.unwrap(), Some(true));
        let got = store.get(blob, bytes.len() as u64).await.unwrap();
        assert_eq!(got.unwrap(), bytes);
    }
    let range = Some(GetRange::Bounded(9_000_000..9_000_010));
    let part = store.read(BlobHash::of(&large), range).await.unwrap();
    let part: Vec<_> = part.unwrap().bytes.try_collect().await.unwrap();
    assert_eq!(part.concat(), large[9_000_000..9_000_010]);

    // another process, another handle: the same store
    let again = BlobStore::at(&address).unwrap();
    assert_eq!(again.list("blobs").await.unwrap().len(), 3);
    for bytes in [&b""[..], b"lode", &large] {
        again.delete(BlobHash::of(bytes)).await.unwrap();
        again.delete(BlobHash::of(bytes)).await.unwrap();
    }
    assert_eq!(store.list("blobs").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs a server that speaks S3, which LODE_TEST_S3 names"]
async fn wrong_bytes_become_no_blob_in_a_bucket() {
    let (_, store) = bucket();
    for length in [4, 20_000_000] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; length]).unwrap();
        let blob = BlobHash::of(b"other");
        store.put_file(blob, file.path()).await.unwrap_err();
        assert_eq!(store.size(blob).await.unwrap(), None);
    }
}

#[tokio::test]
#[ignore = "needs a server that speaks S3, which LODE_TEST_S3 names"]
async fn a_bucket_keeps_attestations_and_names_that_say_it_all() {
    let (_, store) = bucket();
    let job = Address::new_from_array([1; 32]);
    let attestation = Attestation {
        verdict: 1,
        signature: Default::default(),
    };
    for attempt in [1, 2] {
        let put = store.put_attestation(&job, attempt, 0, &attestation);
        put.await.unwrap();
    }
    let got = store.attestation(&job, 2, 0).await.unwrap();
    assert_eq!(got, Some(attestation));
    store.delete_attestations(&job).await.unwrap();
    assert_eq!(store.attestation(&job, 1, 0).await.unwrap(), None);

    let name = format!("index/{job}/blob.spec.0.{job}.10.{}", BlobHash::of(b"x"));
    store.put_object(&name, Vec::new()).await.unwrap();
    assert_eq!(store.list("index").await.unwrap(), [name.as_str()]);
    store.delete_object(&name).await.unwrap();
    assert_eq!(store.list("index").await.unwrap(), Vec::<String>::new());
}
