/** Written by `python -m tools.page_constants` from Python's own constants: change those. */

export const BARE_AVIF = {
  LOWEST: 0,
  HIGHEST: 100,
  COLOURS: [0, 1, 0, 13, 0, 6, 128],
  AV1: [[8, [129, 63, 0, 0]], [10, [129, 63, 64, 0]]],
  ESSENTIAL: 128,
};

export const BASE = {
  KINDS: ["none", "means", "coded"],
  GAIN_UNIT: 8,
  GAIN_BIAS: 32,
  MAX_GAIN_CODE: 127,
  BLOCK: 8,
  GREY: 128,
  HIDDEN_RMS: 0.1,
  MIN_RMS: 0.000980392156862745,
};

export const CHANNELS = {
  MESSENGER: "messenger",
  MESSENGER_SIDE: 1280,
  MESSENGER_QUALITIES: [[70, 70], [70, 72], [70, 74], [70, 77], [70, 80], [72, 70], [72, 72], [72, 74], [72, 77], [72, 80], [74, 70], [74, 72], [74, 74], [74, 77], [74, 80], [77, 70], [77, 72], [77, 74], [77, 77], [77, 80], [80, 70], [80, 72], [80, 74], [80, 77], [80, 80]],
  BEST: 100,
  ABOVE: [1, 2, 4, 7, 11, 16, 22, 30, 40],
};

export const CONTENT = {
  PICTURE_NUMBERS: [[8, 1], [10, 3]],
  FILE_NUMBER: 2,
  HEAD_BYTES: 4,
  PICTURE_BYTES: 5,
  MOST_SIDE: 65535,
  MOST_PIXELS: 268435456,
  PIXEL_RATIO: 1024,
  SMALLEST: 32,
  FULL_RATE: 0.5,
  PER_OCTAVE: 2.5,
  REACH: 2,
  SPEEDS: [6, 6, 9],
};

export const COSTS = {
  MEDIAN: 4000,
  WET: 50000,
  SHARP: 1048576,
};

export const DECOYS = {
  LEAST_CHANGED: 4,
  ROWS: 64,
  SHIFTS: [32, 61],
  CLUSTERED: 1.2,
};

export const DIAGNOSIS = {
  LISTED: 8,
};

export const ERASURE = {
  SHARES: 256,
  POLYNOMIAL: 285,
  ORDER: 255,
};

export const FEC = {
  RATES: 64,
  LOWEST: 1,
  HIGHEST: 58,
  LONGEST: 65536,
  ITERATIONS: 100,
  REPEATED: 16,
  COMMON: 3,
  DEGREES: [[0, 12, [3, 8]], [29, 8, [2, 5]], [36, 12, [1, 4]], [45, 12, [1, 6]]],
  LARGEST: 30.0,
  LEAST: 1.0000000116860974e-07,
};

export const CAPACITY = {
  ROBUST_RATES: {"messenger": 44, "jpeg-50": 34, "jpeg-75": 44, "jpeg-90": 46, "jpeg-95": 47, "subtle": 36, "strong": 52},
  CONTAINER_PSNR: 38.0,
};

export const GRID = {
  SHORTEST: 128,
  PER_DOUBLING: 2,
  LEAST_SHARE: 0.14,
  THUMBNAIL: 128,
  SALT_STEP: 32,
  BLURRED: 2.0,
  SIDE: 0.12,
  SURENESS: 0.5,
};

export const EVIDENCE = {
  FLAT: "a picture of flat areas",
  FOLLOWS: "a picture whose samples follow from others, as after enlarging or toning",
  REPEATS: "a picture that repeats itself, as tiles or a mirror image",
  ASKS_FOR_PHOTOGRAPH: ["a picture of flat areas", "a picture whose samples follow from others, as after enlarging or toning", "a picture that repeats itself, as tiles or a mirror image"],
  HARD_DEFLECTION: 0.358,
  COPY: "a copy of one that was saved with loss",
  LACKS_COLOURS: "a picture that lacks some colours, as after a change of its saturation",
  LACKS_LEVELS: "a picture that lacks some levels, as after a change of its contrast",
  OTHER_GRID: "a JPEG of a picture that was a JPEG before, on another grid",
  TWICE: "a JPEG that was saved before with coarser tables",
  JPEG_REPEATS: "a JPEG that repeats itself, as tiles or a mirror image",
  LOW: 9,
  OFTEN: 25,
  GAP: 0.1,
  MOST_GAPS: 2,
  RECORD_CHANGES: 200,
  BYTE_CHANGES: 5.1,
};

export const LOSSY_FORMATS = {
  LOSSY: {"JPEG": "a JPEG", "GIF": "a GIF", "AVIF": "an AVIF", "HEIF": "a HEIC"},
  LOSSY_WEBP: "a lossy WebP",
  HEIC: ["heic", "heim", "heis", "heix", "hevc", "hevm", "hevs", "hevx", "mif1", "msf1"],
};

export const JPEG = {
  LONGEST_RUN: 32767,
  MOST_WAITING: 937,
  MIDDLE: 128,
  CARRIED: 63,
  GROUP: 2048,
  FINEST: 1.8,
  TOO_FINE: "changes at its quality, 99 or 100, are easy to find",
  TOO_FINE_WAY_OUT: "use one that was saved at 98 or less, which stays as it is",
  USUAL_QUALITY: 95,
  MOST_RATE: 1.0,
  MOST_BESIDE: 0.7,
  RATE: 0.025,
  STEP: 29.0,
  HIGHEST_RATE: 0.1,
  MEASURED: 17000,
};

export const JPEG_COSTS = {
  STABILISER: 0.015625,
  HIGH: [-0.05441584065556526, 0.3128716051578522, -0.6756307482719421, 0.5853546857833862, 0.01582910493016243, -0.2840155363082886, -0.0004724845930468291, 0.12874743342399597, 0.01736930012702942, -0.04408825561404228, -0.013981027528643608, 0.008746094070374966, 0.004870352800935507, -0.0003917404101230204, -0.0006754493806511164, -0.0001174767967313528],
  LOW: [-0.0001174767967313528, 0.0006754493806511164, -0.0003917404101230204, -0.004870352800935507, 0.008746094070374966, 0.013981027528643608, -0.04408825561404228, -0.01736930012702942, 0.12874743342399597, 0.0004724845930468291, -0.2840155363082886, -0.01582910493016243, 0.5853546857833862, 0.6756307482719421, 0.3128716051578522, 0.05441584065556526],
  WINDOW: 23,
  KNOWN: 0.699999988079071,
  ESTIMATED: 0.3499999940395355,
  RATIONAL: [9, 13, 38],
  TIE: 0.99,
};

export const KEYS = {
  KEY: "stegnet-key-",
  IDENTITY: "stegnet-identity-",
  RECIPIENT: "stegnet",
  KEY_COMMENT: "# stegnet key: whoever has it can reveal what it hides",
  IDENTITY_COMMENT: "# stegnet identity: whoever has it can reveal what is hidden for its recipient",
  KEY_PART: "stegnet-(?:key|identity)-1|(?:stegnet|age|age-secret-key-)1[02-9ac-hj-np-z]{20}|# stegnet (?:key|identity):",
  OTHER_KEY: "-----BEGIN |(?:ssh|sk-ssh|ecdsa-sha2|sk-ecdsa-sha2)-\\S+ AAAA|# created: \\d{4}-",
  KEY_BYTES: 32,
  MOST_BYTES: 4096,
  EPHEMERAL_TRITS: 192,
  SALT_BYTES: 16,
  SECRET_BYTES: 16,
  FILM_ID_BYTES: 16,
  ANCHORS: 4,
  MOST_TRIES: 8,
  SCRYPT: {"n": 131072, "r": 8, "p": 1},
  MAX_PASSPHRASE: 1024,
};

export const MODEM = {
  BLOCK: 8,
  DITHER: 64,
  AROUND: 3,
  PATCHES: 10,
  MANY: 2048,
};

export const QUALITY = {
  POOR: 30.0,
  LEAST: 22.0,
};

export const READING = {
  MAX_PIXEL_RATIO: 256,
  LARGE_PHOTOGRAPH: 67108864,
  LARGEST_RATIO: 64,
};

export const RECORD = {
  NUMBERS: {"picture": 1, "film": 2},
  FILE: 3,
  SPREAD: 4,
  SPARE: 5,
  PART: 6,
  MAX_SIDE: 1048576,
  MAX_BLOCK: 256,
  MAX_FRAMES: 16777216,
  MAX_NAME: 255,
  MAX_PIXELS: 268435456,
  MAX_PART: 2147483647,
  MAX_STAMP: 4611686018427387904,
  MAX_SECONDS: 1099511627776,
};

export const REGIONS = {
  REGIONS: 4,
  LUMA: [299, 587, 114],
};

export const ROBUST_RECORD = {
  HEADER_BYTES: 8,
  HEADER: [384, 64, 10],
  HEADER_ITERATIONS: 40,
  SHARES: 64,
  RANDOM_BITS: 52,
  HEADER_SHARE: 32,
  MOST_HEADER: 64,
  BITS_OF_CHOSEN: 576,
  MOST_CHOICE: 16,
  SALT: "stegnet/1/robust/salt",
  STEP: 16,
  NEAR: 0.75,
  MOST_NEAR: 6,
  MOST_SALTS: 8,
};

export const SAMPLE_ORDER = {
  LEAD_BYTES: 21,
  LEAD_TRITS: 108,
  MAC_BYTES: 16,
  MAC_TRITS: 84,
  STRIDE: 31,
  SALT: 15,
  RUN: 32,
  SHARE: 12288,
  MOST_UNITS: 64,
  PLACES: 3,
  EPHEMERAL: 1024,
};

export const SEAL = {
  FILM_EFFORT: 16777216,
  PICTURE_EFFORT: 536870912,
  ORDERS: 100,
  FREE: 2.0,
  GREY: 16,
};

export const SEALED = {
  RATE: 0.05,
  MEASURED: 196608,
};

export const SECURE = {
  EASY_TIMES: 4,
  EASY_CHANGES: 6.5,
  ALWAYS: 200,
  HARD: "hard",
  POSSIBLE: "possible",
  EASY: "easy",
  WORDS: {"hard": "hard to find", "possible": "detectors may find it", "easy": "easy to find"},
  ALWAYS_FOUND: "easy to find, like everything hidden this way",
  UNMEASURED: "how easily it is found was not measured",
  EMPTY_BAND: ", since a part of its spectrum is empty, as after MP3 or blurring",
  CAMERA: ["{} is as its camera saved it", "they are as their cameras saved them"],
  NEVER_LOSSY: ["{} never was a JPEG or a film", "they never were JPEGs or films"],
  UNPUBLISHED: ["nobody else has {}", "nobody else has their covers"],
};

export const SHOWN = {
  GAIN: 40,
};

export const SHUFFLE = {
  NEGATIVE: 8,
};

export const SPREAD = {
  SMALL: 64,
  RISK: 1e-06,
};

export const SURVIVAL = {
  WRITTEN_QUALITY: 95,
  LARGE: 2097152,
  SQUARE: 128,
  CODEWORDS: 2,
  MARGIN: 2,
  ATTEMPTS: 11,
  TEXTURED: 5,
  SPARED: 0.9,
  LOST: 9,
  UNEVEN: 1.5,
  GRID: 16,
  SAMPLED_ABOVE: 1048576,
  SAMPLE_PIXELS: 700000,
  BAND_BLOCKS: 1024,
  NEAR_WORST: 0.05,
  MOST_WORST: 6,
};

export const TEXTS = {
  TEXT_NAME: "message.txt",
  MOST_TEXT: 65536,
};

export const TRELLIS = {
  HEIGHTS: [1, 6],
  MAX_WIDTH: 16,
  TURNS: 4,
  BITS: 19,
  TRITS: 12,
  MAX_LANES: 65536,
  LEAST_ROWS: 128,
  COLUMNS: [[1, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]], [2, [8, 5, 4, 7, 4, 5, 7, 5, 4, 5, 8, 8, 7, 8, 5, 4]], [3, [25, 13, 23, 19, 20, 22, 26, 14, 16, 11, 17, 10, 26, 25, 26, 13]], [4, [70, 32, 79, 35, 74, 47, 71, 80, 44, 68, 55, 59, 77, 62, 28, 40]], [5, [202, 131, 119, 100, 178, 127, 86, 175, 130, 184, 212, 137, 205, 94, 133, 83]], [6, [514, 647, 512, 650, 293, 593, 403, 665, 287, 383, 353, 725, 694, 728, 641, 400]]],
};

export const RECORD_ZONE = {
  GREY_SHARE: 0.5,
  TOGETHER: 9,
};
