//! Content-addressed blobs: a gateway over HTTP, or any object store.
