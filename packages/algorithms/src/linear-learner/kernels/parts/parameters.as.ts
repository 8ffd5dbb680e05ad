/** Byte offsets in the parameter block (layout.ts has the same table), and sizes that all parts share. */
export const TILE: i32 = 64; // rows per tile: scores of 64 x 32 columns are 8 KB and stay in the first-level cache

// Parameter block, byte offsets (layout.ts has the same table).
export const P_MODE: usize = 0;
export const P_X: usize = 4;
export const P_Y: usize = 8;
export const P_ROWS: usize = 12;
export const P_BATCH: usize = 16;
export const P_DP: usize = 20;
export const P_C: usize = 24;
export const P_W: usize = 28;
export const P_S1: usize = 32;
export const P_S2: usize = 36;
export const P_GRADS: usize = 40;
export const P_GRAD_BYTES: usize = 44;
export const P_LOSSES: usize = 48;
export const P_CHUNKS: usize = 52;
export const P_TILES: usize = 56;
export const P_TILE_BYTES: usize = 60;
export const P_OUT: usize = 64;
export const P_LOSS: usize = 68;
export const P_A: usize = 72;
export const P_KPAD: usize = 76;
export const P_CLASS_W: usize = 84;
export const P_POS_W: usize = 88;
export const P_OPTIMIZER: usize = 92;
export const P_BETA1: usize = 96;
export const P_BETA2: usize = 100;
export const P_MOMENTUM: usize = 104;
export const P_EPSILON: usize = 108;
export const P_BIAS_LR: usize = 112;
export const P_BIAS_WD: usize = 116;
export const P_USE_BIAS: usize = 120;
export const P_LR: usize = 124;
export const P_LR_MIN: usize = 128;
export const P_LR_FACTOR: usize = 132;
export const P_LR_STEP: usize = 136;
export const P_LR_COUNT: usize = 140;
export const P_L1: usize = 144;
export const P_WD: usize = 148;
export const P_BETA1_T: usize = 160;
export const P_BETA2_T: usize = 168;
export const P_MASK: usize = 180;
export const P_OFFSETS: usize = 184;
export const P_INDICES: usize = 188;
export const P_VALUES: usize = 192;
export const P_STAMPS: usize = 196;
export const P_TOUCHED: usize = 200;
export const P_BATCHES: usize = 204;

// Control block: barrier and command mailbox.
