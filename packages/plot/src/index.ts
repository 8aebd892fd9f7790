export { type BarInit, barPlot, linePlot, type PlotInit, type Series, scatterPlot } from './svg-plot.ts';
