//! How a request is refused: a status and one sentence.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A request that is not done, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }

    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    pub(crate) fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, reason)
    }

    pub(crate) fn conflict(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, reason)
    }

    pub(crate) fn too_large(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
    }

    /// Beyond what a gateway gives to each.
    pub(crate) fn too_often() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests: this gateway takes them slower; try again",
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not in this store")
    }
}

impl From<lode_store::Error> for Refusal {
    fn from(error: lode_store::Error) -> Self {
        match error {
            lode_store::Error::NotAHash(_) | lode_store::Error::NotAnAttestation => {
                Self::bad(error.to_string())
            }
            lode_store::Error::Authorization(_) => {
                Self::new(StatusCode::UNAUTHORIZED, error.to_string())
            }
            lode_store::Error::WrongHash { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the bytes do not have the hash that the name says",
            ),
            other => {
                // the operator's disk and paths are nobody's business
                tracing::error!(error = %other, "the store fails");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "this gateway's store fails; try again later",
                )
            }
        }
    }
}

impl From<lode_client::Error> for Refusal {
    fn from(error: lode_client::Error) -> Self {
        tracing::warn!(%error, "the chain cannot be asked");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "this gateway cannot ask the chain now; try again later",
        )
    }
}

impl From<crate::Error> for Refusal {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Store(error) => error.into(),
            crate::Error::Chain(error) => error.into(),
            other => {
                tracing::error!(error = %other, "the gateway fails");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "this gateway fails; try again later",
                )
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.reason).into_response()
    }
}
