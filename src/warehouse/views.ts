/** The view that transforms read the day's citizens from. */
export const CITIZENS_VIEW = 'citizens'
