//! The `_id` that makes a document's second arrival harmless.

use xxhash_rust::xxh3::xxh3_128;

/// The alphabet of base64url.
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where a frame was first written: what its documents' `_id`s are made from. A frame that is copied
/// to another segment keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameId {
    /// Random id of the segment it was first written to.
    pub segment_id: u64,
    /// Its byte offset there.
    pub offset: u64,
}

impl FrameId {
    /// Length of an id in bytes.
    pub const ID_LEN: usize = 22;

    /// Appends the `_id` of a document: `ordinal` counts the frame's items before any filter,
    /// `document` the documents made from that item. Base64url of an xxh3-128: nothing to escape.
    pub fn write_id(self, ordinal: u32, document: u32, out: &mut Vec<u8>) {
        let mut key = [0; 24];
        key[..8].copy_from_slice(&self.segment_id.to_le_bytes());
        key[8..16].copy_from_slice(&self.offset.to_le_bytes());
        key[16..20].copy_from_slice(&ordinal.to_le_bytes());
        key[20..].copy_from_slice(&document.to_le_bytes());
        let hash = xxh3_128(&key);
        // Six bits a character from the top; the last has two, and four zeros behind them.
        let mut text = [0; Self::ID_LEN];
        for (at, character) in text.iter_mut().enumerate() {
            let six = if at < 21 { hash >> (122 - 6 * at) } else { hash << 4 };
            *character = URL_SAFE[(six & 63) as usize];
        }
        out.extend_from_slice(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(segment_id: u64, offset: u64, ordinal: u32, document: u32) -> String {
        let mut out = Vec::new();
        FrameId { segment_id, offset }.write_id(ordinal, document, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ids_are_stable_for_ever_and_differ_in_every_part() {
        assert_eq!(id(1, 2, 3, 4), "O2GnWzkvdE8sZa1740EW-g");
        let ids = [id(1, 2, 3, 4), id(2, 2, 3, 4), id(1, 3, 3, 4), id(1, 2, 4, 4), id(1, 2, 3, 5)];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
