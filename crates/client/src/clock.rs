//! The chain's own time: programs never look at the clock of this machine, so neither do we.
use crate::{addresses, Client, Error, Result};
use solana_account::Account;

/// What the clock sysvar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainClock {
    /// Slot, in which job windows are counted.
    pub slot: u64,
    /// Solana's epoch (not that of emissions).
    pub epoch: u64,
    /// Unix seconds, in which stake, bonds and epochs are counted.
    pub unix_timestamp: i64,
}

impl ChainClock {
    /// Reads the sysvar's data: slot, epoch start, epoch, leader schedule epoch, unix seconds; eight bytes each.
    fn decode(data: &[u8]) -> Option<Self> {
        let word = |at: usize| -> Option<[u8; 8]> { data.get(at..at + 8)?.try_into().ok() };
        Some(Self {
            slot: u64::from_le_bytes(word(0)?),
            epoch: u64::from_le_bytes(word(16)?),
            unix_timestamp: i64::from_le_bytes(word(32)?),
        })
    }
}

impl Client {
    /// The chain's clock, at this client's commitment.
    pub async fn clock(&self) -> Result<ChainClock> {
        let account = self.raw_account(&addresses::CLOCK).await?;
        self.clock_of(account.as_ref())
    }

    /// What the clock's account says, where it was read together with others.
    ///
    /// # Errors
    /// [`Error::NotACluster`] where there is none.
    pub fn clock_of(&self, account: Option<&Account>) -> Result<ChainClock> {
        account
            .and_then(|account| ChainClock::decode(&account.data))
            .ok_or(Error::NotACluster { url: self.url() })
    }

    /// The slot, at this client's commitment.
    pub async fn slot(&self) -> Result<u64> {
        self.rpc
            .get_slot_with_commitment(self.commitment)
            .await
            .map_err(|e| self.failed(e))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_clock_is_read_field_by_field() {
        let data: Vec<u8> = [5u64, 11, 7, 13, 1_780_272_000]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        assert_eq!(
            ChainClock::decode(&data).unwrap(),
            ChainClock {
                slot: 5,
                epoch: 7,
                unix_timestamp: 1_780_272_000
            }
        );
        assert_eq!(ChainClock::decode(&data[..39]), None);
    }
}
