//! Tiles in plain Rust, so that tests of what is built on them run on every processor.

use std::cell::RefCell;

use super::tiles::{COLUMNS, DEPTH, ROW_BYTES, ROWS, Tiles};

#[derive(Clone, Copy)]
pub(crate) struct Emulated;

type Tile = [[u8; ROW_BYTES]; ROWS];

thread_local!(static TILES: RefCell<Option<[Tile; 8]>> = const { RefCell::new(None) });

fn with<R>(f: impl FnOnce(&mut [Tile; 8]) -> R) -> R {
    TILES.with_borrow_mut(|tiles| f(tiles.as_mut().expect("begin comes first")))
}

fn bf16(row: &[u8; ROW_BYTES], i: usize) -> f32 {
    f32::from_bits(u32::from(u16::from_le_bytes([row[2 * i], row[2 * i + 1]])) << 16)
}

// SAFETY: the methods need no instruction set; the pointers are as the trait says.
impl Tiles for Emulated {
    unsafe fn begin() {
        TILES.set(Some([[[0; ROW_BYTES]; ROWS]; 8]));
    }

    unsafe fn end() {
        TILES.set(None);
    }

    unsafe fn zero<const T: usize>() {
        with(|tiles| tiles[T] = [[0; ROW_BYTES]; ROWS]);
    }

    unsafe fn load<const T: usize>(from: *const u8, stride: usize) {
        // SAFETY: the caller's pointer has these rows; any alignment.
        with(|tiles| tiles[T] = std::array::from_fn(|r| unsafe { from.add(r * stride).cast::<[u8; 64]>().read() }));
    }

    unsafe fn store<const T: usize>(to: *mut f32, stride: usize) {
        with(|tiles| {
            for (r, row) in tiles[T].iter().enumerate() {
                // SAFETY: the caller's pointer has these rows; any alignment.
                unsafe { to.cast::<u8>().add(r * stride).cast::<[u8; 64]>().write(*row) };
            }
        });
    }

    unsafe fn multiply<const S: usize, const A: usize, const B: usize>() {
        with(|tiles| {
            for m in 0..ROWS {
                for n in 0..COLUMNS {
                    let at = 4 * n..4 * n + 4;
                    let mut sum = f32::from_le_bytes(std::array::from_fn(|i| tiles[S][m][4 * n + i]));
                    for k in 0..DEPTH {
                        sum += bf16(&tiles[A][m], k) * bf16(&tiles[B][k / 2], 2 * n + k % 2);
                    }
                    tiles[S][m][at].copy_from_slice(&sum.to_le_bytes());
                }
            }
        });
    }
}
