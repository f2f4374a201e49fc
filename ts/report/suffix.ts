/** Whether a path says by its suffix that it is a page or an image: nothing else is drawn. */
export const isPicture = (path: string): boolean => /\.(html?|svg)$/i.test(path)
