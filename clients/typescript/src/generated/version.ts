/** The version of this client, and of the platform's release that it is for. */
export const VERSION = "0.1.0";
