/** Saves a picture again by sharp: node save.js '{"source": …, "target": …, "side": … or null, "options": {…}}'. */

import sharp from "sharp";

const { source, target, side, options } = JSON.parse(process.argv[2]);
let picture = sharp(source).rotate(); // without an angle: as EXIF says
if (side !== null) picture = picture.resize(side, side, { fit: "inside", withoutEnlargement: true });
await picture.jpeg(options).toFile(target);
