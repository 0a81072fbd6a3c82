/** No forecasts: the program says what does not fit, and compresses what would not. */

export const sealedForecast = () => "";
export const filmForecast = () => "";
export const channelForecast = () => "";
