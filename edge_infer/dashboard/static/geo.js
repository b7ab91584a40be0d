// From the fleet frame (east-north-up metres at a WGS-84 origin) to latitude and longitude.

const A = 6378137;
const F = 1 / 298.257223563;
const E2 = F * (2 - F);

/** [latitude, longitude] in degrees of a point on the ground of the fleet frame. */
export function toLatLon(farm, east, north) {
  const phi = (farm.latitude_deg * Math.PI) / 180;
  const lambda = (farm.longitude_deg * Math.PI) / 180;
  const [sinPhi, cosPhi] = [Math.sin(phi), Math.cos(phi)];
  const [sinLam, cosLam] = [Math.sin(lambda), Math.cos(lambda)];
  const normal = A / Math.sqrt(1 - E2 * sinPhi * sinPhi);
  const x = (normal + farm.altitude_m) * cosPhi * cosLam - sinLam * east - sinPhi * cosLam * north;
  const y = (normal + farm.altitude_m) * cosPhi * sinLam + cosLam * east - sinPhi * sinLam * north;
  const z = (normal * (1 - E2) + farm.altitude_m) * sinPhi + cosPhi * north;
  return fromEcef(x, y, z);
}

// Bowring's formula; one step is exact to micrometres near the ground.
function fromEcef(x, y, z) {
  const b = A * (1 - F);
  const p = Math.hypot(x, y);
  const theta = Math.atan2(z * A, p * b);
  const phi = Math.atan2(z + ((E2 * A * A) / b) * Math.sin(theta) ** 3, p - E2 * A * Math.cos(theta) ** 3);
  return [(phi * 180) / Math.PI, (Math.atan2(y, x) * 180) / Math.PI];
}

/** "47.123456° N, 8.123456° E" */
export function latLonText([latitude, longitude]) {
  const part = (value, positive, negative) =>
    `${Math.abs(value).toFixed(6)}° ${value < 0 ? negative : positive}`;
  return `${part(latitude, "N", "S")}, ${part(longitude, "E", "W")}`;
}
